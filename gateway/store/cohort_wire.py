"""The cohort of an opening as arguments and answers of the scripts."""

from array import array
from collections.abc import Sequence
from sys import byteorder

from gateway.core.cohort import UNKNOWN, Cohort
from gateway.core.room import SCAN_LIMIT, RoomView

SPARE = 64
"""Tickets looked at beyond twice the wanted ones, so that a few silent ones among few do not cost a tick."""


def read_cohort(raw: Sequence[bytes | int], lanes: Sequence[str]) -> Cohort | None:
    """Return the cohort as `view` tells it, None when the room has had no opening yet."""
    if not raw:
        return None
    opens_at, seed, opened, *borders = raw
    assert isinstance(seed, bytes)
    ranges = {lane: (int(borders[2 * n]), int(borders[2 * n + 1])) for n, lane in enumerate(lanes)}
    return Cohort(opens_at=int(opens_at), seed=seed, opened=opened == b"1", ranges=ranges)


def cohort_arguments(wanted: Cohort, lanes: Sequence[str]) -> list[int | bytes]:
    """Return time, seed, whether to open, then first and last per lane, for `cohort` and `open`."""
    unknown = (UNKNOWN, UNKNOWN)
    borders = [border for lane in lanes for border in wanted.ranges.get(lane, unknown)]
    return [wanted.opens_at, wanted.seed, int(wanted.opened), *borders]


def room_arguments(seed: RoomView | None, lanes: Sequence[str]) -> list[int | bytes]:
    """Return what `open` puts back of the cohort of a lost room."""
    return cohort_arguments(seed.cohort, lanes) if seed and seed.cohort else [b""]


def packed_tickets(cohort: Cohort | None, lane: str, serving: int, wanted: int) -> tuple[int, bytes]:
    """Return the first position of the cohort behind `serving`, and the tickets from there on, 4 bytes each."""
    if cohort is None or wanted <= 0:
        return 0, b""
    start, tickets = cohort.tickets(lane, serving, min(SCAN_LIMIT, 2 * wanted + SPARE))
    packed = array("I", tickets)
    if byteorder == "little":
        packed.byteswap()
    return start, packed.tobytes()

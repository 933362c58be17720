"""The cohort of an opening: who is shuffled, in which order they are called, and how anyone can check it.

    begun (at the start of the pre-queue)          opened (at the opening)
    first = issued, per lane                       last = issued, per lane
    seed drawn, SHA-256 of it published            seed published

Tickets first+1..last of a lane are its cohort. `serving` goes on to count positions; a position is the number of
the ticket except within the cohort, where the ticket x stands at

    position(x) = first + place_of(x - first)      in the permutation of last - first members

keyed with the seed, the lane and the time of the opening (`permutation`). Positions first+1..last are taken by exactly
these tickets, so whoever came before the pre-queue stays before them and whoever comes after the opening behind.

Invariants: before it has opened nobody of a cohort is called; `first`, the seed and, once opened, `last` never
change; a cohort begins only when everybody of the former one was passed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from gateway.core.known_openings import Opening
from gateway.core.permutation import Permutation

SEED_BYTES = 32
UNKNOWN = -1
"""A border that the store is to take from its counter of issued tickets."""


class CohortChange(StrEnum):
    """What the store did with the cohort that the leader wants."""

    BEGUN = "begun"
    OPENED = "opened"
    SAME = "same"
    BUSY = "busy"
    """The former cohort is still being called: this opening goes without a shuffle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """One opening of a room; `ranges` are (first, last) by lane. The seed stays inside until `opened`."""

    opens_at: int
    seed: bytes = field(repr=False)
    opened: bool = False
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, got {len(self.seed)}")

    @property
    def seed_hash(self) -> str:
        """The commitment, public from the start: SHA-256 of the seed, in hexadecimal digits."""
        return hashlib.sha256(self.seed).hexdigest()

    @property
    def published_seed(self) -> str | None:
        """The seed in hexadecimal digits once it may be seen by everybody, None before."""
        return self.seed.hex() if self.opened else None

    def holds_back(self, lane: str, number: int) -> bool:
        """Whether a ticket waits for the opening."""
        return not self.opened and number > self._range(lane)[0]

    def covers(self, lane: str, number: int) -> bool:
        """Whether a ticket, or a position, is of the cohort that has been shuffled."""
        first, last = self._range(lane)
        return self.opened and first < number <= last

    def position(self, lane: str, number: int) -> int:
        """Return the position of a ticket: its number unless it has been shuffled."""
        first = self._range(lane)[0]
        return first + self._order(lane).place_of(number - first) if self.covers(lane, number) else number

    def ticket(self, lane: str, position: int) -> int:
        """Return the ticket at a position: the same number unless it has been shuffled."""
        first = self._range(lane)[0]
        return first + self._order(lane).member_at(position - first) if self.covers(lane, position) else position

    def tickets(self, lane: str, serving: int, most: int) -> tuple[int, list[int]]:
        """Return the first position of the cohort behind `serving` and the tickets from there on, at most so many."""
        first, last = self._range(lane)
        start = max(serving, first) + 1
        if not self.opened or start > last:
            return start, []
        return start, [self.ticket(lane, position) for position in range(start, min(last, start + most - 1) + 1)]

    def limit(self, lane: str, issued: int) -> int:
        """Return the last position that may be called."""
        return issued if self.opened else min(issued, self._range(lane)[0])

    def passed(self, serving: Mapping[str, int]) -> bool:
        """Whether everybody of the cohort has been called or passed over."""
        return self.opened and all(serving.get(lane, 0) >= last for lane, (_, last) in self.ranges.items())

    def shuffled(self, lane: str) -> tuple[int, int]:
        """Return the borders of the cohort once it has been shuffled: tickets and positions first+1..last."""
        return self._range(lane) if self.opened else (0, 0)

    def size(self, issued: Mapping[str, int]) -> int:
        """Return how many visits are in the cohort, or in the pre-queue so far."""
        return sum(
            (last if self.opened else issued.get(lane, 0)) - first for lane, (first, last) in self.ranges.items()
        )

    def _range(self, lane: str) -> tuple[int, int]:
        return self.ranges.get(lane, (0, 0))

    def _order(self, lane: str) -> Permutation:
        first, last = self.ranges[lane]
        return lane_order(last - first, self.seed, lane, self.opens_at)


def held_after(
    held: Cohort | None, wanted: Cohort, issued: Mapping[str, int], serving: Mapping[str, int]
) -> tuple[Cohort, CohortChange]:
    """Return the cohort that a store holds when the leader wants `wanted`, and what has changed.

    Once only: the first seed and the first borders count, whatever is wanted later. `issued` and `serving` are by lane.
    """
    begun = held is None or held.opens_at != wanted.opens_at
    if held is None or begun:
        if held is not None and not held.passed(serving):
            return held, CohortChange.BUSY
        held = replace(wanted, opened=False, ranges={lane: (_border(wanted, lane, 0, issued), 0) for lane in issued})
    if held.opened or not wanted.opened:
        return held, CohortChange.BEGUN if begun else CohortChange.SAME
    ranges = {lane: (first, max(first, _border(wanted, lane, 1, issued))) for lane, (first, _) in held.ranges.items()}
    return replace(held, opened=True, ranges=ranges), CohortChange.OPENED


def _border(wanted: Cohort, lane: str, which: int, issued: Mapping[str, int]) -> int:
    known = wanted.ranges.get(lane, (UNKNOWN, UNKNOWN))[which]
    return issued[lane] if known == UNKNOWN else known


@lru_cache(maxsize=64)
def lane_order(size: int, seed: bytes, lane: str, opens_at: int) -> Permutation:
    """Return the shuffle of a lane; the last few are remembered."""
    return Permutation(size, seed, f"{lane}|{opens_at}")


def newest(known: Cohort | None, held: Cohort | None) -> Cohort | None:
    """Return what a gateway must remember: the store's cohort, unless the store fell behind what it had said."""
    if known is None or held is None:
        return held or known
    return held if (held.opens_at, held.opened) >= (known.opens_at, known.opened) else known


def wanted_cohort(
    held: Cohort | None, known: Cohort | None, opening: Opening | None, now: float, seed: bytes
) -> Cohort | None:
    """Return the cohort that the leader asks the store to hold, or None when all is as it should be.

    `held` is the store's, `known` the newest that this gateway has seen of it: a store that fell over to a lagging
    replica gets back what was published. `seed` is used if a cohort begins.
    """
    if held is not None and not held.opened and now >= held.opens_at:
        if known is not None and known.opened and known.opens_at == held.opens_at:
            return known
        return replace(held, opened=True, ranges={lane: (first, UNKNOWN) for lane, (first, _) in held.ranges.items()})
    if known is not None and newest(known, held) is not held:
        return known
    if opening is not None and (held is None or held.opens_at != opening.opens_at):
        return Cohort(opens_at=opening.opens_at, seed=seed)
    return None

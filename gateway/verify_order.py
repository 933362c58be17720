"""`talon verify-order`: recompute from the published document at which position a ticket was called.

Needs nothing of the gateway but that document: the commitment is checked, then the permutation is applied.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.cohort import Cohort
from gateway.errors import ConfigError

TIMEOUT = 5.0
MAX_DOCUMENT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Where a ticket stands, and its lane's cohort, tickets first+1..last; `shuffled` if it is one of them."""

    position: int
    first: int
    last: int
    shuffled: bool
    opens_at: int
    seed_hash: str


def fetch(source: str) -> bytes:
    """Return the now-serving document from a file or an address; raises ConfigError that says what is wrong."""
    try:
        if source.startswith(("http://", "https://")):
            with urllib.request.urlopen(source, timeout=TIMEOUT) as answer:
                return bytes(answer.read(MAX_DOCUMENT))
        with open(source, "rb") as file:
            return file.read(MAX_DOCUMENT)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ConfigError(f"{source}: cannot be read: {error}") from error


def verify(document: bytes, lane: str, number: int, noted_hash: str = "") -> Verified:
    """Return the position of a ticket; raises ConfigError where document, commitment or what was noted do not agree.

    `noted_hash` is the SHA-256 that was seen before the opening: it must be that of the document.
    """
    if number < 1:
        raise ConfigError(f"--number: ticket numbers begin at 1, got {number}")
    opening = _opening(document)
    try:
        cohort, said = _cohort(opening), str(opening["seed_hash"]).lower()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError("opening: expected opens_at, seed, seed_hash and cohort, with borders by lane") from error
    if cohort.seed_hash != said:
        raise ConfigError(f"the seed is not the one that was committed to: SHA-256 {cohort.seed_hash}, said {said}")
    if noted_hash and noted_hash.strip().lower() != cohort.seed_hash:
        raise ConfigError(f"--noted-hash: another seed was committed to: noted {noted_hash}, now {cohort.seed_hash}")
    if lane not in cohort.ranges:
        raise ConfigError(f"--lane: expected one of {sorted(cohort.ranges)}, got {lane!r}")
    first, last = cohort.ranges[lane]
    return Verified(
        position=cohort.position(lane, number),
        first=first,
        last=last,
        shuffled=cohort.covers(lane, number),
        opens_at=cohort.opens_at,
        seed_hash=cohort.seed_hash,
    )


def _cohort(opening: Mapping[str, Any]) -> Cohort:
    ranges = {name: (int(first), int(last)) for name, (first, last) in opening["cohort"].items()}
    if any(not 0 <= first <= last for first, last in ranges.values()):
        raise ValueError("a cohort ends before it begins")
    return Cohort(opens_at=int(opening["opens_at"]), seed=bytes.fromhex(opening["seed"]), opened=True, ranges=ranges)


def _opening(document: bytes) -> Mapping[str, Any]:
    try:
        opening = json.loads(document)["opening"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("expected a now-serving document (/_talon/rooms/NAME) of a room with an opening") from error
    if not isinstance(opening, dict):
        raise ConfigError("opening: expected an object")
    if opening.get("seed") is None:
        raise ConfigError("the room has not opened yet: the seed is published at the opening")
    return opening

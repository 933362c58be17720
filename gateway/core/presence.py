"""Who is really there: how many present visits wait before a place, from counts per block of numbers.

A number between the serving counter and a ticket may belong to somebody who has left or fallen silent; such numbers
are passed over without a call, so they must not count as ahead. The store counts who is present in blocks of equal
size, at most a few hundred of them whatever the length of the queue. Within a block the present are taken as evenly
spread, so the error is below one block; numbers handed out after the count are taken as present, for they have just
been heard of.

Invariants: 0 <= ahead_of(n, s) <= n - s - 1, and it never falls with n.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceProfile:
    """Present visits per block of `block` numbers, from the number `first` up to below `end`."""

    first: int
    block: int
    end: int
    counts: Sequence[int]
    _before: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.block < 1 or len(self.counts) != -(-(self.end - self.first) // self.block):
            raise ValueError("expected as many blocks as the numbers fill")
        if any(not 0 <= count <= self.block for count in self.counts):
            raise ValueError("expected at most as many present as a block has numbers")
        object.__setattr__(self, "_before", (0, *accumulate(self.counts)))

    def ahead_of(self, number: int, serving: int) -> int:
        """Return the present visits with numbers above `serving` and below `number`."""
        return max(0, min(round(self._below(number) - self._below(serving + 1)), number - serving - 1))

    def share_of(self, number: int, serving: int) -> float:
        """Return the share of present visits among the numbers in between; 1 when no number lies there."""
        between = number - serving - 1
        return self.ahead_of(number, serving) / between if between > 0 else 1.0

    def _below(self, number: int) -> float:
        if number <= self.first:
            return float(number - self.first)
        if number >= self.end:
            return float(self._before[-1] + number - self.end)
        block, inside = divmod(number - self.first, self.block)
        length = min(self.block, self.end - self.first - block * self.block)
        return self._before[block] + self.counts[block] * inside / length


def read_profiles(document: Mapping[str, Sequence[object]]) -> dict[str, PresenceProfile]:
    """Read what the store has counted: lane -> [first, block, end, counts]; other forms are left out."""
    found = {}
    for lane, entry in document.items():
        match entry:
            case [int(first), int(block), int(end), list(counts)] if all(isinstance(count, int) for count in counts):
                found[lane] = PresenceProfile(first=first, block=block, end=end, counts=tuple(counts))
    return found

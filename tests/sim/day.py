"""A whole day of a room as data: what is played, and what came of it."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate
from random import Random

from gateway.core.lanes import LanePolicy


class Fate(IntEnum):
    """What a visitor is going to do."""

    COMES = 0
    LEAVES = 1
    NEVER_CLAIMS = 2
    ABSENT = 3
    BACK = 4


class State(IntEnum):
    """Where a visitor is."""

    WAITING = 0
    ADMITTED = 1
    LEFT = 2
    VANISHED = 3
    LOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is played: arrivals per quarter of an hour as a shape, visits/s that may come in by hour, and the people."""

    visitors: int
    shape: tuple[float, ...]
    capacity: tuple[tuple[float, float], ...]
    lanes: Mapping[str, LanePolicy]
    mix: Mapping[str, float]
    leavers: float = 0.05
    no_shows: tuple[tuple[float, float], ...] = ((0.0, 0.05),)
    absent: float = 0.05
    slow: float = 0.1
    seed: int = 1
    tick: float = 1.0
    grace: float = 180.0
    claim_window: float = 120.0
    longest_poll: float = 30.0
    quarter: float = 900.0
    clock: Callable[[float], float] = float
    """The store's clock as a function of the true time, seconds of the day."""

    @property
    def seconds(self) -> float:
        """How long people arrive."""
        return len(self.shape) * self.quarter

    def rate(self, second: float) -> float:
        """Return the visits/s that may come in at a second."""
        return _step(self.capacity, second)

    def no_shows_at(self, second: float) -> float:
        """Return the share of those who join at a second and will never claim."""
        return _step(self.no_shows, second)

    def arrivals(self, chance: Random) -> list[float]:
        """Return when everybody arrives, in order: exactly so many, by the shape."""
        sums = list(accumulate(self.shape))
        drawn = (chance.random() * sums[-1] for _ in range(self.visitors))
        quarters = (bisect_right(sums, at) for at in drawn)
        return sorted((quarter + chance.random()) * self.quarter for quarter in quarters)


def _step(steps: tuple[tuple[float, float], ...], second: float) -> float:
    return [value for hour, value in steps if hour * 3600 <= second][-1]


@dataclass(slots=True)
class LaneOutcome:
    """What came of a lane: waits in seconds, and the longest time for which it had waiters and no call."""

    waits: array = field(default_factory=lambda: array("f"))  # type: ignore[type-arg]
    longest_drought: float = 0.0

    def wait(self, quantile: float) -> float:
        """Return a quantile of the waits."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else 0.0

    def within(self, seconds: float) -> float:
        """Return the share of waits up to so many seconds."""
        return sum(1 for wait in self.waits if wait <= seconds) / max(1, len(self.waits))


@dataclass(slots=True)
class DayOutcome:
    """What came of a day: people by state, what must be 0, calls so far at each turn, claims per minute."""

    lanes: dict[str, LaneOutcome]
    states: dict[State, int] = field(default_factory=dict)
    inversions: int = 0
    double_admissions: int = 0
    unaccounted: int = 0
    polls: int = 0
    most_waiting: int = 0
    called_twice: int = 0
    longest_stall: float = 0.0
    calls: array = field(default_factory=lambda: array("i"))  # type: ignore[type-arg]
    minutes: list["Minute"] = field(default_factory=list)


@dataclass(slots=True)
class Minute:
    """Claims in a minute, the visits that were to come in, and whether somebody waited all the time."""

    claims: int = 0
    wanted: float = 0.0
    busy: bool = True

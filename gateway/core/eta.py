"""Waits as people see them: a rounded range, the rate of a counter, and when to ask again."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

SHORTEST_POLL = 1.0
FRESH = 8.0
"""Least memory in seconds of a rate that has just begun or begun anew."""
_STEPS = ((30.0, 1.0), (60.0, 2.0), (180.0, 5.0), (600.0, 15.0), (1800.0, 30.0), (3600.0, 60.0), (float("inf"), 300.0))
"""Steps of a few percent of the value: below the first number of seconds, the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A wait of `low` to `high` seconds that eight of ten fall into; `slower` says why it is longer than was said."""

    low: float
    high: float
    slower: str = ""


def rounded(low: float, high: float) -> Wait:
    """Return the range rounded outward."""
    return Wait(low=on_grid(max(0.0, low), floor), high=on_grid(high, ceil))


def on_grid(seconds: float, to: Callable[[float], int]) -> float:
    """Return the seconds on the grid of their size."""
    step = next(step for limit, step in _STEPS if seconds < limit)
    return float(to(seconds / step) * step)


@dataclass(slots=True)
class CallRate:
    """Smooths the rate of a growing counter over `memory` seconds; falling counters and clocks start anew.

    With `events` the memory is the time of that many events if that is longer, at most `longest`: a slow counter
    needs longer.
    """

    memory: float = 10.0
    events: float = 0.0
    longest: float = 300.0
    rate: float | None = None
    _count: int = 0
    _at: float | None = None
    _age: float = 0.0

    def restart(self, rate: float) -> None:
        """Forget the past: go on from `rate`, and learn as quickly as at the beginning."""
        self.rate, self._age = rate, 0.0

    def observe(self, count: int, now: float) -> float | None:
        """Take the counter at `now` and return events per second, None before the second reading."""
        if self._at is None or count < self._count or now < self._at:
            self._count, self._at = count, now
            return self.rate
        elapsed = now - self._at
        if elapsed < 0.5:
            return self.rate
        current = (count - self._count) / elapsed
        if self.rate is None:
            self.rate = current
        else:
            memory = max(self.memory, min(self.events / max(self.rate, 1e-9), self.longest))
            if self.events:
                self._age += elapsed
                memory = min(memory, max(self._age, FRESH))
            self.rate += min(1.0, elapsed / memory) * (current - self.rate)
        self._count, self._at = count, now
        return self.rate


def poll_after(wait: Wait | None, jitter: float, longest: float = 60.0) -> int:
    """Return whole seconds until a waiting client should ask again, at most `longest`.

    Half of the least remaining wait (a sixth of the middle where that is unknown), so that the number of polls grows
    with the logarithm of the wait and nobody sleeps through a turn. `jitter` in [0, 1) spreads clients evenly: near the
    turn over a fifth, from half a minute on between half and one and a half of that, so that however they were
    synchronised, one poll later they are not.
    """
    most = longest / 1.5
    seconds = most / 3 if wait is None else min(max(wait.low / 2, (wait.low + wait.high) / 12), most)
    spread = min(max(0.2, seconds / 40.0), 1.0)
    return ceil(min(max(seconds * (1 + spread * (jitter - 0.5)), SHORTEST_POLL), longest))

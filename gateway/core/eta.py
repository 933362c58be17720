"""Honest waits: a range, rounded outward, or unknown.

With `ahead` visits before a place and calls at a smoothed rate r, the wait is a sum of `ahead` gaps: mean
`ahead / r`, spread `sqrt(ahead) / r` for Poisson calls, plus the relative error of the rate itself. The range is
P10-P90 of a normal with both, rounded outward to what a person can use (5 s, 30 s, 1 min, 5 min steps). Below
`MIN_RATE` calls a second the wait is unknown, which is an answer too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, sqrt

MIN_RATE = 1e-3
Z80 = 1.2816
RATE_ERROR = 0.2
_STEPS = ((60.0, 5.0), (300.0, 30.0), (3600.0, 60.0), (float("inf"), 300.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A wait of `low` to `high` seconds that eight of ten fall into."""

    low: float
    high: float


def estimate(ahead: int, rate: float, rate_error: float = RATE_ERROR) -> Wait | None:
    """Return the range of waits for a place with `ahead` visits before it, or None when unknown."""
    if rate < MIN_RATE:
        return None
    mean = (ahead + 1) / rate
    spread = Z80 * sqrt((ahead + 1) / rate**2 + (rate_error * mean) ** 2)
    return Wait(low=_round(max(0.0, mean - spread), floor), high=_round(mean + spread, ceil))


def _round(seconds: float, to: Callable[[float], int]) -> float:
    step = next(step for limit, step in _STEPS if seconds < limit)
    return float(to(seconds / step) * step)


@dataclass(slots=True)
class CallRate:
    """Smooths the rate of a growing counter over `memory` seconds; falling counters and clocks start anew."""

    memory: float = 10.0
    rate: float | None = None
    _count: int = 0
    _at: float | None = None

    def observe(self, count: int, now: float) -> float | None:
        """Take the counter at `now` and return events per second, None before the second reading."""
        if self._at is None or count < self._count or now < self._at:
            self._count, self._at = count, now
            return self.rate
        elapsed = now - self._at
        if elapsed < 0.5:
            return self.rate
        current = (count - self._count) / elapsed
        weight = 1.0 if self.rate is None else min(1.0, elapsed / self.memory)
        self.rate = current if self.rate is None else self.rate + weight * (current - self.rate)
        self._count, self._at = count, now
        return self.rate


def poll_after(wait: Wait | None, jitter: float, shortest: float = 1.0, longest: float = 30.0) -> int:
    """Return whole seconds until a waiting client should ask again.

    Half of the least remaining wait (a sixth of the middle where that is unknown), so that the number of polls grows
    with the logarithm of the wait and nobody sleeps through a turn; `jitter` in [0, 1) spreads clients over a fifth.
    """
    seconds = longest / 6 if wait is None else max(wait.low / 2, (wait.low + wait.high) / 12)
    seconds *= 0.9 + 0.2 * jitter
    return ceil(min(max(seconds, shortest), longest))

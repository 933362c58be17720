"""What is played: a morning as data, and what came of it as figures."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """At a second of the morning a pool's node gets another number of workers; 0 is its death."""

    at: float
    pool: str
    workers: int


def _between(curve: tuple[tuple[float, float], ...], second: float) -> float:
    for (t0, r0), (t1, r1) in pairwise(curve):
        if t0 <= second < t1:
            return r0 + (r1 - r0) * (second - t0) / (t1 - t0)
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One morning; `curve` gives visits/s by second, `rush` the seconds in which use of capacity is measured."""

    name: str
    curve: tuple[tuple[float, float], ...]
    rush: tuple[float, float]
    seconds: float
    seed: int = 1
    workers: int = 4
    service_time: float = 0.1
    requests: int = 4
    think: tuple[float, float] = (0.3, 1.2)
    backup: bool = True
    warmup: float = 10.0
    forecast_error: float | None = 1.0
    """Factor by which the forecast errs; None for no forecast."""
    forecast_curve: tuple[tuple[float, float], ...] = ()
    """The curve that was forecast if it is not the one that comes."""
    no_shows: float = 0.0
    leavers: float = 0.0
    urgent: float = 0.2
    gateways: int = 1
    sticky: bool = True
    gateway_dies: float | None = None
    store_gone: tuple[float, float] | None = None
    clock_jump: tuple[float, float] | None = None
    changes: tuple[Change, ...] = ()
    opening: tuple[float, float] | None = None
    """Seconds of the morning at which the pre-queue begins and the room opens."""

    @property
    def pool_capacity(self) -> float:
        """Visits/s that one pool can finish."""
        return self.workers / self.service_time / self.requests

    def arrivals(self, second: float) -> float:
        """Return the visits/s that come at a second: linear between the points of the curve."""
        return _between(self.curve, second)

    def forecast(self, second: float) -> float:
        """Return the visits/s that were forecast for a second, before the error."""
        return _between(self.forecast_curve or self.curve, second)

    def workers_at(self, pool: str, second: float) -> int:
        """Return the number of workers that a pool has at a second."""
        past = [change.workers for change in self.changes if change.pool == pool and change.at <= second]
        return past[-1] if past else self.workers

    def rush_capacity(self) -> float:
        """Return the visits that all pools together can finish in the rush."""
        pools = ("primary", "backup") if self.backup else ("primary",)
        begin, end = self.rush
        per_worker = 1 / self.service_time / self.requests
        return sum(
            self.workers_at(pool, begin + second) * per_worker for pool in pools for second in range(ceil(end - begin))
        )


@dataclass(slots=True)
class Outcome:
    """What came of a morning; looks are the ranges first shown, times are seconds, `asks` is by second."""

    arrived: int = 0
    joined: int = 0
    admitted: int = 0
    booked: list[float] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=lambda: {"urgent": [], "regular": []})
    answers: list[float] = field(default_factory=list)
    looks_inside: int = 0
    looks: int = 0
    unknown: int = 0
    sent_back: int = 0
    failed: int = 0
    inversions: int = 0
    double_admissions: int = 0
    lost_places: int = 0
    no_shows: int = 0
    leavers: int = 0
    most_waiting: int = 0
    most_inside: int = 0
    left_waiting: int = 0
    pools: dict[str, int] = field(default_factory=dict)
    backup_opened: list[tuple[float, str]] = field(default_factory=list)
    leaders: int = 0
    most_leaders: int = 0
    claims: list[float] = field(default_factory=list)
    asks: Counter[int] = field(default_factory=Counter)
    entries: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    """When each visit with a place came and was let in, by lane and ticket."""
    called: list[tuple[str, int]] = field(default_factory=list)
    """Lane and ticket of every call, in order."""
    served: dict[str, object] = field(default_factory=dict)
    """The now-serving document at the end."""

    def booked_between(self, begin: float, end: float) -> int:
        """Return the visits that were booked in a span."""
        return sum(1 for at in self.booked if begin <= at < end)

    @property
    def coverage(self) -> float:
        """The share of ranges first shown that the wait fell into."""
        return self.looks_inside / max(1, self.looks)

    def late(self, quantile: float) -> float:
        """Return a quantile of the answer times of requests of admitted visits."""
        ordered = sorted(self.answers)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else 0.0

    def median_wait(self, lane: str) -> float:
        """Return the median wait of a lane."""
        ordered = sorted(self.waits[lane])
        return ordered[len(ordered) // 2] if ordered else 0.0

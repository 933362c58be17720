"""How a booking backend of fixed size serves, and how it breaks; time is an argument.

The model is a pool of `workers` servers behind one first-in-first-out backlog. A request that starts
its service while `n` others wait takes

    service_time x weight x (1 + contention x n) x cold(now)

where `cold` falls linearly from `cold_factor` to 1 over `warmup` seconds after the first request. The
contention term is what turns overload into collapse: locks, caches and garbage collection make a
crowded server slower per request, so its throughput falls just when more is asked of it. Nothing in the
pool knows whether the visitor is still there: work that nobody waits for any more costs as much as any
other.

Invariants: never more than `workers` in service; requests start in the order in which they came; a
worker is never idle while a request waits; a service starts at the very instant its worker became free,
even if `advance` is called late, so the capacity does not depend on how punctual the caller's clock is.
"""

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceModel:
    """Size and temper of a backend; `capacity` is what it serves per second when nothing is wrong."""

    workers: int = 4
    service_time: float = 0.04
    contention: float = 0.004
    backlog: int = 2000
    warmup: float = 0.0
    cold_factor: float = 3.0

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError("workers: expected at least 1")
        if not 0.0001 <= self.service_time <= 60:
            raise ValueError("service_time: expected between 0.1ms and 60s")
        if not 0 <= self.contention <= 1:
            raise ValueError("contention: expected between 0 and 1")
        if not 0 <= self.backlog <= 1_000_000:
            raise ValueError("backlog: expected between 0 and 1000000")
        if not 0 <= self.warmup <= 3600:
            raise ValueError("warmup: expected between 0s and 1h")
        if not 1 <= self.cold_factor <= 100:
            raise ValueError("cold_factor: expected between 1 and 100")

    @property
    def capacity(self) -> float:
        """Requests of weight 1 per second, warm and without a backlog."""
        return self.workers / self.service_time

    def cold(self, since_first: float) -> float:
        """How many times slower than warm the backend is, this long after its first request."""
        if since_first >= self.warmup:
            return 1.0
        return self.cold_factor - (self.cold_factor - 1) * max(since_first, 0.0) / self.warmup

    def duration(self, weight: float, *, waiting: int, since_first: float) -> float:
        """Seconds one request holds its worker when `waiting` others wait as it starts."""
        return self.service_time * weight * (1 + self.contention * waiting) * self.cold(since_first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A request that has left the pool, with the instants of its life."""

    number: int
    offered_at: float
    started_at: float
    finished_at: float


class ServicePool:
    """The workers and their backlog; the caller brings the time and never brings it backwards."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._waiting: deque[tuple[int, float, float]] = deque()
        self._busy: list[tuple[float, int, float, float]] = []
        self._served: list[Served] = []
        self._last_number = 0
        self._first_at: float | None = None

    @property
    def waiting(self) -> int:
        """Requests in the backlog."""
        return len(self._waiting)

    @property
    def inflight(self) -> int:
        """Requests that hold a worker."""
        return len(self._busy)

    def offer(self, now: float, weight: float) -> int | None:
        """Take a request in and return its number, or None when the backlog is full."""
        self._run(now)
        if self._first_at is None:
            self._first_at = now
        if len(self._busy) >= self.model.workers and len(self._waiting) >= self.model.backlog:
            return None
        self._last_number += 1
        if len(self._busy) < self.model.workers:
            self._start(self._last_number, weight, offered_at=now, now=now)
        else:
            self._waiting.append((self._last_number, weight, now))
        return self._last_number

    def advance(self, now: float) -> list[Served]:
        """Return what has finished since the last call, in order of finishing."""
        self._run(now)
        served, self._served = self._served, []
        return served

    def next_finish(self) -> float | None:
        """The instant at which the next request finishes, or None when the pool is idle."""
        return self._busy[0][0] if self._busy else None

    def _start(self, number: int, weight: float, *, offered_at: float, now: float) -> None:
        assert self._first_at is not None
        seconds = self.model.duration(weight, waiting=len(self._waiting), since_first=now - self._first_at)
        heappush(self._busy, (now + seconds, number, offered_at, now))
        assert len(self._busy) <= self.model.workers

    def _run(self, now: float) -> None:
        while self._busy and self._busy[0][0] <= now:
            finished_at, number, offered_at, started_at = heappop(self._busy)
            self._served.append(
                Served(number=number, offered_at=offered_at, started_at=started_at, finished_at=finished_at)
            )
            if self._waiting:
                following, weight, following_offered_at = self._waiting.popleft()
                self._start(following, weight, offered_at=following_offered_at, now=finished_at)

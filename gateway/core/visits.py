"""The ledger of visits inside: who is in, for how long, and with how many requests.

Learns from ended visits what admission needs: requests per visit and the duration from claim to end. A visit
ends when the backend says so or when it has been silent for `idle` seconds; a silent visit keeps its pass, it
only stops counting as load. At most `max_visits` are kept; beyond that the oldest are forgotten.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.core.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPolicy:
    """First guesses until visits have ended, and the bounds of the ledger."""

    duration: Seconds = 60.0
    requests: float = 6.0
    idle: Seconds = 60.0
    max_visits: int = 200_000

    def __post_init__(self) -> None:
        if self.duration <= 0 or self.requests < 1 or self.idle <= 0 or self.max_visits < 1:
            raise ValueError("duration and idle must be above 0s, requests and max_visits at least 1")


@dataclass(slots=True)
class _Visit:
    pool: str
    since: float
    last: float
    requests: float = 0.0


@dataclass(slots=True)
class VisitLedger:
    """Owns the visits inside one room, as this gateway sees them."""

    policy: VisitPolicy
    duration: float = 0.0
    requests: float = 0.0
    ended: int = 0
    _visits: OrderedDict[str, _Visit] = field(default_factory=OrderedDict)
    _inside: dict[str, int] = field(default_factory=dict)
    _ended: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.duration = self.policy.duration
        self.requests = self.policy.requests

    def note_request(self, visit: str, pool: str, now: float, cost: float = 1.0) -> None:
        """Count one request of a visit; the first one brings it inside, one at another pool moves it there.

        A request counts as `cost` of them, so that what is learned is in the same unit as a configured capacity.
        """
        known = self._visits.get(visit)
        if known is None:
            known = self._visits[visit] = _Visit(pool=pool, since=now, last=now)
            self._inside[pool] = self._inside.get(pool, 0) + 1
            if len(self._visits) > self.policy.max_visits:
                self._forget(next(iter(self._visits)))
        else:
            self._visits.move_to_end(visit)
            if known.pool != pool:
                self._inside[known.pool] -= 1
                self._inside[pool] = self._inside.get(pool, 0) + 1
                known.pool = pool
        known.requests += cost
        known.last = now

    def end(self, visit: str, now: float) -> None:
        """The backend says that the visit is over."""
        known = self._visits.get(visit)
        if known is not None:
            self._learn(known, now)
            self._forget(visit)

    def sweep(self, now: float, limit: int = 1000) -> int:
        """Take out visits that have been silent too long, at most `limit`; returns how many."""
        horizon = now - max(min(self.policy.idle, 4 * self.duration), 2.0)
        ended = 0
        for visit, known in list(self._visits.items())[:limit]:
            if known.last > horizon:
                break
            self._learn(known, known.last)
            self._forget(visit)
            ended += 1
        return ended

    def inside(self, pool: str) -> int:
        """Visits inside that belong to `pool`."""
        return self._inside.get(pool, 0)

    def ended_in(self, pool: str) -> int:
        """Visits of `pool` that have ended so far."""
        return self._ended.get(pool, 0)

    @property
    def total(self) -> int:
        """All visits inside."""
        return len(self._visits)

    def _forget(self, visit: str) -> None:
        known = self._visits.pop(visit)
        self._inside[known.pool] -= 1

    def _learn(self, known: _Visit, end: float) -> None:
        self.ended += 1
        self._ended[known.pool] = self._ended.get(known.pool, 0) + 1
        weight = max(0.02, 1.0 / (self.ended + 1))
        self.duration += weight * (max(end - known.since, 0.05) - self.duration)
        self.requests += weight * (known.requests - self.requests)

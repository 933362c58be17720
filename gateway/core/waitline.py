"""The line in front of a pool's nodes: who goes next, and who is refused at the door instead of waiting in vain.

Higher priority goes first; within a priority all aim at the same wait, so the order of deadlines is the order of
coming. A request that may be shed is refused on arrival when the wait that it would have exceeds what it may wait:

    expected = requests ahead / rate            rate: starts/s of the pool, less arrivals/s of higher priorities
    allowed  = shed_after                       in a burst
             = shed_standing                    once the line has not been empty for shed_after

The second line is CoDel's thought (Nichols and Jacobson 2012): a line that never empties delays everybody and
serves nobody sooner. It is refused at the door, not later, because a refusal is of use only while it is early. Who
holds a pass was promised service: it is never shed, it waits its `queue_timeout`.

Invariants: an entry leaves once, by `take` or `leave`; nobody is overtaken within a priority; a line that is empty
refuses nobody. Times are seconds of the caller's steady clock.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp, inf
from typing import Generic, TypeVar

from gateway.core.units import Seconds

MEMORY = 1.0
"""Seconds over which rates are averaged."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePolicy:
    """How long requests that may be shed wait in a burst and in a standing line, and how many may wait in all."""

    shed_after: Seconds = 0.4
    shed_standing: Seconds = 0.15
    most: int = 2000

    def __post_init__(self) -> None:
        if not 0 < self.shed_standing <= self.shed_after:
            raise ValueError("expected 0s < shed_standing <= shed_after")
        if self.most < 1:
            raise ValueError("max_queue must be at least 1")


@dataclass(slots=True)
class Rate:
    """Events per second, averaged exponentially over `MEMORY`."""

    _value: float = 0.0
    _at: float | None = None

    def note(self, now: float, count: float = 1.0) -> None:
        """Count events at `now`."""
        at = self._at
        if at is None:
            self._at = now
        elif now > at:
            self._value *= exp((at - now) / MEMORY)
            self._at = now
        self._value += count / MEMORY

    def at(self, now: float) -> float:
        """Return the rate at `now`."""
        return 0.0 if self._at is None else self._value * exp(-max(0.0, now - self._at) / MEMORY)


@dataclass(slots=True)
class _Level(Generic[Item]):
    waiting: deque[Item] = field(default_factory=deque)
    arrivals: Rate = field(default_factory=Rate)


@dataclass(slots=True)
class Waitline(Generic[Item]):
    """Owns the order of those who wait; items are told apart by identity."""

    policy: LinePolicy
    started: Rate = field(default_factory=Rate)
    _levels: dict[int, _Level[Item]] = field(default_factory=dict)
    length: int = 0
    """How many wait."""
    _standing_since: float = inf

    def arrived(self, priority: int, now: float) -> None:
        """Count an arrival that will be served, whether it has to wait or not."""
        self._level(priority).arrivals.note(now)

    def expected(self, priority: int, now: float, rate: float = 0.0) -> float:
        """Return the seconds that a request of this priority would wait if it came now; inf if it would never go.

        `rate` is what the nodes are known to take, requests/s: after a quiet time it says more than the starts.
        """
        ahead = sum(len(level.waiting) for other, level in self._levels.items() if other >= priority)
        if ahead == 0:
            return 0.0
        higher = sum(level.arrivals.at(now) for other, level in self._levels.items() if other > priority)
        rate = max(self.started.at(now), rate) - higher
        return (ahead + 1) / rate if rate > 0 else inf

    def allowed(self, now: float) -> float:
        """Return the seconds for which a request that may be shed can be let in to wait."""
        standing = now - self._standing_since >= self.policy.shed_after
        return self.policy.shed_standing if standing else self.policy.shed_after

    def refuses(self, priority: int, now: float, *, sheddable: bool, rate: float = 0.0) -> bool:
        """Whether a request is refused at the door; `rate` as for `expected`."""
        if self.length >= self.policy.most:
            return True
        return sheddable and self.expected(priority, now, rate) > self.allowed(now)

    def join(self, item: Item, priority: int, now: float) -> None:
        """Let a request wait behind all of its priority."""
        if self.length == 0:
            self._standing_since = now
        self._level(priority).waiting.append(item)
        self.length += 1

    def head(self) -> Item | None:
        """Return who goes next, without taking it."""
        return next(iter(self), None) if self.length else None

    def take(self) -> Item | None:
        """Take out who goes next."""
        for _, level in sorted(self._levels.items(), reverse=True):
            if level.waiting:
                self._went()
                return level.waiting.popleft()
        return None

    def leave(self, item: Item, priority: int) -> bool:
        """Take out one that gives up; False when it does not wait any more."""
        try:
            self._level(priority).waiting.remove(item)
        except ValueError:
            return False
        self._went()
        return True

    def __iter__(self) -> Iterator[Item]:
        """Give all that wait, in the order in which they go."""
        for _, level in sorted(self._levels.items(), reverse=True):
            yield from level.waiting

    def _level(self, priority: int) -> _Level[Item]:
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = _Level()
        return level

    def _went(self) -> None:
        self.length -= 1
        if self.length == 0:
            self._standing_since = inf

"""Budgets: how often something may be done by one key, as token buckets in a map of bounded size.

A bucket holds `burst` tokens and gets `per_minute` new ones a minute. It is kept as one number, the time at which it
would be full again (the virtual scheduling form of ITU-T I.371, also known as GCRA): with a refill time of
T = 60 / per_minute, taking `cost` tokens at `now` moves `full_at` to max(full_at, now) + cost T, and is allowed if that
is at most now + burst T. Hence at most burst + t / T tokens are taken in any time t. A full bucket and one that is not
kept are the same, so forgetting the key that was used least recently costs nothing once its bucket is full again.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_KEYS = 100_000
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many a minute, and so many at once; 0 a minute means no limit."""

    per_minute: float
    burst: float

    def __post_init__(self) -> None:
        if self.per_minute < 0 or (self.per_minute and self.burst < 1):
            raise ValueError("a rate is 0 or more a minute, with a burst of at least 1")


@dataclass(slots=True)
class Budget:
    """Owns the buckets of one kind; time is an argument, in seconds, and may not be the wall's."""

    max_keys: int = MAX_KEYS
    _full_at: OrderedDict[bytes, float] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: bytes, rate: Rate, now: float, cost: float = 1) -> float:
        """Return the seconds until `cost` tokens may be taken, 0 when they may be now; takes nothing."""
        if not rate.per_minute:
            return 0.0
        refill = 60.0 / rate.per_minute
        full_at = max(self._full_at.get(key, now), now) + min(cost, rate.burst) * refill
        left = full_at - now - rate.burst * refill
        return left if left > _ROUNDING else 0.0

    def take(self, key: bytes, rate: Rate, now: float, cost: float = 1) -> None:
        """Take `cost` tokens, for which `wait` has said 0."""
        if not rate.per_minute:
            return
        self._full_at[key] = max(self._full_at.get(key, now), now) + min(cost, rate.burst) * 60.0 / rate.per_minute
        self._full_at.move_to_end(key)
        if len(self._full_at) > self.max_keys:
            self._full_at.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one step costs in one budget."""

    budget: Budget
    key: bytes
    rate: Rate
    cost: float = 1


def spend(charges: Iterable[Charge], now: float) -> float:
    """Take from all budgets and return 0, or from none and return the seconds until all would allow it."""
    charges = list(charges)
    wait = max((c.budget.wait(c.key, c.rate, now, c.cost) for c in charges), default=0.0)
    if not wait:
        for charge in charges:
            charge.budget.take(charge.key, charge.rate, now, charge.cost)
    return wait

"""Admission: how many visits a pool may hold, and the rate of calls that keeps it there.

The controlled quantity is the window W: the number of visits inside a pool at which its nodes are just busy. A visit
has one request open at a time, or none while its person thinks. With X requests open in all (at the nodes and waiting
for them), N visits inside and X* the number that the nodes should have (their learned limits, and as many waiting as
`target_wait` allows), the window follows directly, N* being the visits that fit by what is known of the pool as a
closed loop (`pool_model.py`):

    X > X*   every request beyond X* is a visit too many:   W -> max(N*, N - (X - X*)), never up
    X < X*   there is room:                                 W -> N*, at most LEAP x the visits there, never down

It moves there within `SETTLE` seconds, upwards only while somebody waits and the window is used (those called count
as coming). It never shrinks below the limits, and with a plan it begins at `PLANNED` of the visits that the plan lets
in. No capacity needs to be told: the limits are learned from latency, all else is counted.

Little's law turns the window into a rate of calls r = W / D with D the learned duration of a visit, or what ends now
if that is more, since D lags behind a queue that becomes shorter. So

    rate = r + (W + r d - inside - called) / tau,   0 <= rate <= max(3 r, W / FILL),   tau = min(2 d, D/2) in 1..5 s

where d is the learned delay from call to claim: calls on their way are allowed for, not counted as load twice.
The plan caps the rate from above: measurement can only lower what the plan allows (min of forecast and measured
when admitting). Invariants: the rate is never negative; with more open than X* the window never grows.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from gateway.core.pool_model import PoolModel
from gateway.core.units import Seconds

USED = 0.85
"""Part of the window from which it counts as used."""
SLOW = 1.3
"""Slowdown from which requests wait inside nodes that are in use: what is served then is about the most."""
NEARLY = 0.75
"""Part of the window from which the visits are there, although calls are still on their way."""
STARVED = 0.7
"""Part of the open requests that should be, below which nodes with a used window have too little to do."""
LEAP = 1.8
"""The visits that are tried at most, by those that are there, before the nodes were ever full."""
SETTLE = 3.0
"""Seconds in which the window moves to where the measurement says it belongs."""
PLANNED = 0.7
"""Part of what the plan allows that is tried at once when people wait, before anything has been measured."""
FILL = 5.0
"""Seconds in which an empty window of a pool that has not learned the duration of visits may be filled."""


class RateReason(StrEnum):
    """What decided the admission rate of this second."""

    IDLE = "idle"
    CAPACITY = "capacity"
    FORECAST = "forecast"
    PRESSURE = "pressure"
    MANUAL = "manual"
    NO_FORECAST = "no_forecast"
    PAUSED = "paused"
    CLOSED = "closed"
    EXHAUSTED = "exhausted"


STOPS = frozenset({RateReason.PAUSED, RateReason.CLOSED, RateReason.EXHAUSTED})
"""Reasons for which nobody is let in and every place is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """Targets of admission control; `target_wait` is the time requests may wait before a node."""

    target_wait: Seconds = 0.02
    busy: float = 0.9
    initial_window: float = 20.0
    min_window: float = 1.0
    max_window: float = 100_000.0
    plan_slack: float = 1.25

    def __post_init__(self) -> None:
        if self.target_wait <= 0 or not 0 < self.busy <= 1:
            raise ValueError("target_wait must be above 0s and busy in 0..1")
        if not 0 < self.min_window <= self.initial_window <= self.max_window:
            raise ValueError("expected 0 < min_window <= initial_window <= max_window")
        if self.plan_slack < 1:
            raise ValueError("plan_slack must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFacts:
    """One pool as measured since the last step; `open_share` is 0 closed .. 1 fully open, rates are visits/s."""

    inside: float
    called: float
    inflight: float
    queued: float
    limit: float
    requests_per_s: float
    healthy: bool
    open_share: float = 1.0
    slowdown: float = 1.0
    ended_rate: float = float("inf")
    planned: float = 0.0
    ceiling: float = float("inf")
    ceiling_reason: RateReason = RateReason.FORECAST


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts:
    """Learned facts of visits, seconds: duration from claim to end (`learned` or a guess), delay from call to claim."""

    duration: float
    claim_delay: float
    learned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRate:
    """Calls per second that a pool takes now, the window behind it, and what decided."""

    rate: float
    window: float
    reason: RateReason


@dataclass(slots=True)
class PoolAdmission:
    """Owns the window of one pool; `step` is called once a tick."""

    policy: AdmissionPolicy
    window: float = 0.0
    model: PoolModel = field(default_factory=PoolModel)

    def __post_init__(self) -> None:
        self.window = self.window or self.policy.initial_window

    def step(self, facts: PoolFacts, visits: VisitFacts, elapsed: float, *, demand: bool) -> PoolRate:
        """Move the window by what was measured and return the rate; `demand`: somebody waits."""
        if not facts.healthy or facts.open_share <= 0:
            return PoolRate(rate=0.0, window=self.window, reason=RateReason.CAPACITY)
        reason = self._move(facts, visits, elapsed, demand=demand)
        window = self.window * facts.open_share
        steady = window / visits.duration
        # Of a crowd the short visits end first: until the others do, the duration looks too short.
        steady = min(steady, max(window / FILL, 2 * facts.ended_rate))
        # The learned duration lags behind a queue that grows or goes; the visits that end now do not.
        if facts.inflight >= self.policy.busy * facts.limit:
            steady = min(steady, 1.05 * facts.ended_rate)
        elif visits.learned:
            steady = max(steady, min(facts.ended_rate, 2.5 * steady)) if facts.ended_rate < inf else steady
        tau = max(1.0, min(2 * visits.claim_delay, visits.duration / 2, 5.0))
        # Calls on their way are allowed for, at most a second's worth more than there are: the delay may be a guess.
        coming = min(steady * visits.claim_delay, facts.called + steady)
        missing = window + coming - facts.inside - facts.called
        most = 3 * steady if visits.learned else max(3 * steady, window / FILL)
        rate = min(max(0.0, steady + missing / tau), most)
        if rate > facts.ceiling:
            return PoolRate(rate=facts.ceiling, window=self.window, reason=facts.ceiling_reason)
        return PoolRate(rate=rate, window=self.window, reason=reason)

    def adopt(self, window: float) -> None:
        """Go on from the window that another gateway has learned."""
        self._set(window)

    def _move(self, facts: PoolFacts, visits: VisitFacts, elapsed: float, *, demand: bool) -> RateReason:
        open_now = facts.inflight + facts.queued
        wanted = facts.limit + self.policy.target_wait * facts.requests_per_s
        inside, called = facts.inside / facts.open_share, facts.called / facts.open_share
        model, step = self.model, min(1.0, elapsed / SETTLE)
        model.observe(inside, open_now / facts.open_share, facts.requests_per_s, visits.duration, elapsed)
        starved = 0.0
        if demand and model.inside >= NEARLY * self.window:
            starved = max(0.0, 1 - open_now / max(STARVED * wanted, 1e-9))
        model.learn_most(
            elapsed,
            full=self._full(facts),
            starved=starved,
        )
        fitting = model.fitting(wanted)
        if open_now > wanted:
            # A visit has at most one request open: a window below the limit would leave the nodes idle.
            fewer = max(model.inside - (open_now - wanted) / facts.open_share, facts.limit, fitting or 0.0)
            self._set(self.window + step * min(0.0, fewer - self.window))
            return RateReason.PRESSURE if facts.queued > 0 else RateReason.CAPACITY
        if not demand:
            return RateReason.IDLE
        more = max(facts.limit, PLANNED * facts.planned * visits.duration)
        if inside + called >= USED * self.window:
            leap = min(1 + (wanted / max(open_now, 1e-9) - 1) / 2, LEAP)
            more = max(more, min(fitting or inf, leap * (inside + called)))
        self._set(self.window + step * max(0.0, more - self.window))
        return RateReason.CAPACITY

    def _full(self, facts: PoolFacts) -> bool:
        """Whether the nodes do what they can: their limits are used, or a quarter of them and requests wait inside."""
        slow = facts.slowdown >= SLOW and facts.inflight >= facts.limit / 4
        return facts.limit > 0 and (slow or facts.inflight >= self.policy.busy * facts.limit)

    def _set(self, window: float) -> None:
        self.window = min(max(window, self.policy.min_window), self.policy.max_window)

"""Admission: how many visits a pool may hold, and the rate of calls that keeps it there.

The controlled quantity is the window: the number of visits inside a pool at which its nodes are just busy. It is
found as congestion control finds one: doubling per turn until the first sign of pressure, then growing slowly while
there is idle capacity, shrinking in proportion to the pressure. A turn is the duration of a visit, at most
`LONGEST_TURN`. Pressure is the time that requests wait in front of the nodes against its target; idleness is
inflight against the nodes' learned limits.

Little's law turns the window W into a rate of calls r = W / D with D the learned duration of a visit, so that

    rate = r + (W + r d - inside - called) / tau,   0 <= rate <= 3 r,   tau = D / 2 within 1 s .. 5 s

where d is the learned delay from call to claim: calls on their way are allowed for, not counted as load twice.
The plan caps the rate from above: measurement can only lower what the plan allows (min of forecast and measured
when admitting). Invariants: the rate is never negative; with pressure above 1.5 the window never grows; while more
visits are inside than the window holds, it does not shrink further, since what waits then is already on its way out.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.units import Seconds

LONGEST_TURN = 8.0
"""Seconds after which the load of new visits has shown itself, however long visits last."""


class RateReason(StrEnum):
    """What decided the admission rate of this second."""

    IDLE = "idle"
    CAPACITY = "capacity"
    FORECAST = "forecast"
    PRESSURE = "pressure"
    MANUAL = "manual"
    NO_FORECAST = "no_forecast"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionPolicy:
    """Targets of admission control; `target_wait` is the time requests may wait before a node."""

    target_wait: Seconds = 0.1
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
    limit: float
    queue_wait: float
    healthy: bool
    open_share: float = 1.0
    ended_rate: float = float("inf")
    planned_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts:
    """Learned facts of visits: duration from claim to end, delay from call to claim, in seconds."""

    duration: float
    claim_delay: float


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
    probing: bool = True

    def __post_init__(self) -> None:
        self.window = self.window or self.policy.initial_window

    def step(self, facts: PoolFacts, visits: VisitFacts, elapsed: float, *, demand: bool) -> PoolRate:
        """Move the window by what was measured and return the rate; `demand`: somebody waits."""
        if not facts.healthy or facts.open_share <= 0:
            return PoolRate(rate=0.0, window=self.window, reason=RateReason.CAPACITY)
        reason = self._move(facts, visits, elapsed, demand=demand)
        window = self.window * facts.open_share
        steady = window / visits.duration
        if reason is RateReason.PRESSURE or facts.inflight >= self.policy.busy * facts.limit:
            # Busy nodes end visits at the rate they can; the learned duration lags behind a growing queue.
            steady = min(steady, 1.05 * facts.ended_rate)
        tau = max(1.0, min(visits.duration / 2, 5.0))
        missing = window + steady * visits.claim_delay - facts.inside - facts.called
        rate = min(max(0.0, steady + missing / tau), 3 * steady)
        if facts.planned_rate is not None:
            ceiling = facts.planned_rate * self.policy.plan_slack
            if rate > ceiling:
                return PoolRate(rate=ceiling, window=self.window, reason=RateReason.FORECAST)
        return PoolRate(rate=rate, window=self.window, reason=reason)

    def _move(self, facts: PoolFacts, visits: VisitFacts, elapsed: float, *, demand: bool) -> RateReason:
        policy = self.policy
        window = self.window * facts.open_share
        turn = elapsed / min(visits.duration, LONGEST_TURN)
        pressure = facts.queue_wait / policy.target_wait
        used = facts.inflight / max(facts.limit, 1e-9)
        if pressure > 1.5:
            self.probing = False
            # While more are inside than the window holds, the queue is the past's; it drains by itself.
            if facts.inside <= 1.05 * window + 1:
                self._set(self.window * (1 - min(0.5, 0.15 * (pressure - 1)) * min(1.0, turn)))
            return RateReason.PRESSURE
        full = facts.inside >= 0.85 * window
        if demand and full and pressure < 1:
            idle = max(0.0, 1 - pressure) if used >= policy.busy else 1.0
            growth = 2**turn if self.probing and used < policy.busy else 1 + 0.3 * idle * turn
            self._set(self.window * growth)
        return RateReason.CAPACITY if demand else RateReason.IDLE

    def _set(self, window: float) -> None:
        self.window = min(max(window, self.policy.min_window), self.policy.max_window)

"""Opening backup pools: ahead of time by the forecast, at once by measurement, and back without flapping.

A backup opens when the forecast's upper band exceeds what the primary can take within the backup's warm-up
(reason `forecast`), when the primary has been full with people waiting for `patience` seconds (`pressure`), or when
a part of the primary's nodes is missing (`failure`). Its share, the part of its window that it may use, grows linearly
from `trickle` to 1 over `warmup`; a missing part of the primary is made up for at once, cold or not, so that the share
is at least that part. How many visits use the share is another matter (`pool_choice.py`). It closes after `hold`
seconds without any reason. Invariants: closed -> share 0; the whole primary missing -> share 1.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.units import Seconds

LEAST_TRICKLE = 0.2
"""Part of the trickle that flows from the moment of opening."""


class OpenReason(StrEnum):
    """Why a backup pool is open."""

    NONE = "none"
    FORECAST = "forecast"
    PRESSURE = "pressure"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpilloverPolicy:
    """Pace of opening and closing a backup pool."""

    warmup: Seconds = 0.0
    trickle: float = 0.1
    patience: Seconds = 3.0
    hold: Seconds = 60.0

    def __post_init__(self) -> None:
        if self.warmup < 0 or self.patience < 0 or self.hold < 0:
            raise ValueError("warmup, patience and hold must not be negative")
        if not 0 < self.trickle <= 1:
            raise ValueError(f"trickle must be in 0..1, got {self.trickle}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpilloverFacts:
    """What is known now; `forecast_short`: the upper band exceeds the primary within the warm-up.

    `missing` is the part of the primaries' nodes that is out of use, 0..1.
    """

    forecast_short: bool
    primary_full: bool
    missing: float
    waiting: int


@dataclass(slots=True)
class Spillover:
    """Owns the state of one backup pool; times are seconds of the caller's steady clock."""

    policy: SpilloverPolicy
    reason: OpenReason = OpenReason.NONE
    opened_at: float | None = None
    missing: float = 0.0
    _needed_at: float = 0.0
    _full_for: float = 0.0
    _stepped_at: float | None = None

    def step(self, facts: SpilloverFacts, now: float) -> float:
        """Return the pool's open share in 0..1."""
        self.missing = facts.missing
        reason = self._need(facts, now)
        if reason is not OpenReason.NONE:
            self._needed_at = now
            if self.opened_at is None:
                self.opened_at = now
                self.reason = reason
            if reason is OpenReason.FAILURE:
                self.reason = reason
        elif self.opened_at is not None and now - self._needed_at >= self.policy.hold:
            self.opened_at = None
            self.reason = OpenReason.NONE
        return self.share(now)

    def adopt(self, opened: tuple[float, OpenReason] | None, now: float) -> None:
        """Go on from what another gateway decided: open since when and why, or None for closed."""
        self.opened_at, self.reason = opened or (None, OpenReason.NONE)
        self._needed_at = now

    def share(self, now: float) -> float:
        """The share of its capacity that the pool may use at `now`."""
        if self.opened_at is None:
            return 0.0
        if self.policy.warmup == 0:
            return 1.0
        return min(1.0, max(self.policy.trickle, self.missing, (now - self.opened_at) / self.policy.warmup))

    def trickle(self, now: float) -> float:
        """The part of the visits that the pool gets at `now` while the primaries have room: it grows with the share."""
        return self.policy.trickle * max(LEAST_TRICKLE, self.share(now)) if self.opened_at is not None else 0.0

    def _need(self, facts: SpilloverFacts, now: float) -> OpenReason:
        elapsed = 0.0 if self._stepped_at is None else max(0.0, now - self._stepped_at)
        self._stepped_at = now
        full = facts.primary_full and facts.waiting > 0
        # A moment below full does not start the count anew: readings flutter around the limit.
        self._full_for = min(self._full_for + elapsed, 2 * self.policy.patience) if full else self._full_for - elapsed
        self._full_for = max(0.0, self._full_for)
        if facts.missing > 0:
            return OpenReason.FAILURE
        if full and self._full_for >= self.policy.patience:
            return OpenReason.PRESSURE
        return OpenReason.FORECAST if facts.forecast_short else OpenReason.NONE

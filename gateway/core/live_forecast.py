"""What the forecast says in the light of who really comes: corrected every minute, without fitting anything anew.

Every minute the visits that joined are set against those that the record expected in it. The ratio over the last
two hours, drift = (seen + PRIOR) / (expected + PRIOR) within 0.5 to 2, multiplies the forecast of the next hours and
fades with the lead, 1 + (drift - 1) exp(-lead / 1 h): how the last hours ran says much of the next one and nothing
of tomorrow. PRIOR keeps a few arrivals from meaning much. Counts come from the store, so that all gateways
correct alike. A step of the record that was watched from begin to end is an outcome: what was issued beside what came.
Times are seconds of the store's clock.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import exp

from forecasting.contract import ForecastRecord, PlanStep, replanned

MINUTE = 60.0
REMEMBERED = 120
"""Minutes that the drift is taken from."""
FADE = 3600.0
REACH = 4 * FADE
PRIOR = 200.0
"""Arrivals; with 20 in its place three series of flights, some 60 arrivals in two hours, became worse by 3 %."""
LEAST, MOST = 0.5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A step as it was issued, the correction that held when it began, and the visits per second that came."""

    record: ForecastRecord
    step: PlanStep
    factor: float
    arrivals: float


@dataclass(slots=True)
class _Watched:
    record: ForecastRecord
    step: PlanStep
    factor: float
    joined: int


@dataclass(slots=True)
class LiveForecast:
    """Watches joins against one room's record; `observe` often, take `corrected` and `outcomes` after it."""

    record: ForecastRecord | None = None
    corrected: ForecastRecord | None = None
    drift: float = 1.0
    _minutes: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _minute_began: float = 0.0
    _joined_then: int | None = None
    _last: tuple[str, int] | None = None
    _watched: _Watched | None = None
    _outcomes: list[Outcome] = field(default_factory=list)

    def take(self, record: ForecastRecord | None) -> None:
        """Follow another record from now on; a new version was fitted to what came, so it begins without a drift."""
        if record is None or self.record is None or record.version != self.record.version:
            self._minutes.clear()
            self.drift = 1.0
        self.record = record
        self.corrected = record

    def observe(self, epoch: str, joined: int, now: float) -> None:
        """Take the number of visits that ever joined; one that falls, or a new epoch, begins the count anew."""
        if self._last is None or self._last[0] != epoch or joined < self._last[1]:
            self._joined_then, self._watched, self._minute_began = joined, None, now
        self._last = epoch, joined
        if now - self._minute_began >= MINUTE or now < self._minute_began:
            self._end_minute(joined, now)
        self._watch(joined, now)

    def outcomes(self) -> list[Outcome]:
        """Return the steps that have ended since the last call."""
        found, self._outcomes = self._outcomes, []
        return found

    def factor(self, lead: float) -> float:
        """Return by what a forecast `lead` seconds ahead is multiplied."""
        return 1.0 + (self.drift - 1.0) * exp(-max(lead, 0.0) / FADE) if lead < REACH else 1.0

    def _end_minute(self, joined: int, now: float) -> None:
        took, seen = now - self._minute_began, joined - (self._joined_then or 0)
        hours = self.record is not None and self.record.step_seconds >= MINUTE  # else a rehearsal, whose hours are none
        step = self.record.step_at(self._minute_began) if self.record and hours else None
        if step is not None and MINUTE <= took < 2 * MINUTE:
            self._minutes.append((seen, step.q50 * took))
        elif not 0 <= took < 10 * MINUTE:
            self._minutes.clear()  # nobody watched for long: what was seen before says nothing of now
        self._minute_began, self._joined_then = now, joined
        came, expected = sum(seen for seen, _ in self._minutes), sum(due for _, due in self._minutes)
        self.drift = min(max((came + PRIOR) / (expected + PRIOR), LEAST), MOST)
        self.corrected = None if self.record is None else corrected(self.record, self.factor, now)

    def _watch(self, joined: int, now: float) -> None:
        watched = self._watched
        step = self.record.step_at(now) if self.record else None
        if watched is not None and now >= watched.step.at + watched.record.step_seconds:
            arrivals = (joined - watched.joined) / watched.record.step_seconds
            late = now - watched.step.at - watched.record.step_seconds
            if late < MINUTE / 4:
                self._outcomes.append(
                    Outcome(record=watched.record, step=watched.step, factor=watched.factor, arrivals=arrivals)
                )
            self._watched = None
        if self._watched is None and step is not None and now - step.at < MINUTE / 4:
            assert self.record is not None
            self._watched = _Watched(self.record, step, self.factor(0.0), joined)


def corrected(record: ForecastRecord, factor: Callable[[float], float], now: float) -> ForecastRecord:
    """Return the record with the quantiles of the steps to come times their factor, and the shares that follow."""
    if record.state != "ok" or abs(factor(0.0) - 1.0) < 0.01:
        return record
    steps = tuple(
        replanned(step, factor(step.at - now), record.capacity) if step.at + record.step_seconds > now else step
        for step in record.steps
    )
    return replace(record, steps=steps)

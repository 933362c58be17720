"""From a series to a model in service: fit, calibrate, backtest, pass the gate or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecasting.core.backtest import (
    WARM_UP,
    Issued,
    OnFold,
    Score,
    calibrations,
    ignore_fold,
    issue,
    longest_history,
    plan_folds,
    score,
    shortest_history,
)
from forecasting.core.calendar import Calendar
from forecasting.core.events import Effects, Events
from forecasting.core.forecaster import PointModel
from forecasting.core.intervals import Calibration
from forecasting.core.series import FloatArray, Forecast, Series
from forecasting.core.spans import DAY, HOUR, format_span
from forecasting.models.catalogue import BASELINE, forecaster_for
from forecasting.models.with_events import WithEventsFit

GATE = 1.0
SPARSE_MEAN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A fitted model with its band; it answers with quantiles."""

    name: str
    model: PointModel
    calibration: Calibration
    calendar: Calendar
    history: Series

    def forecast(self, times: FloatArray) -> Forecast:
        """Return the quantiles of arrivals per bin for bins that start at `times`."""
        point = self.model.predict(times)
        return self.calibration.forecast(times, self.history.step, point)

    def beside(self, events: Events) -> "Calibrated":
        """Return the same model with other events to come; what kinds of events do stays as it was learned."""
        inner = self.model if isinstance(self.model, WithEventsFit) else None
        effects = Effects(events=events, profiles=inner.effects.profiles if inner else {})
        base = inner.base if inner else self.model
        return replace(self, model=WithEventsFit(base=base, effects=effects, step=self.history.step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A calibrated model, what it was worth, whether it may go into service, and why not."""

    fitted: Calibrated
    scores: tuple[Score, ...]
    state: str
    reason: str
    notes: tuple[str, ...]
    issued: Mapping[str, tuple[Issued, ...]]
    """What the backtest issued, by model."""


def fit_calibrated(
    name: str, series: Series, calendar: Calendar, *, horizon: int, on_fold: OnFold = ignore_fold
) -> Calibrated:
    """Fit a model and learn its band from a few forecasts issued in the past."""
    plan = plan_folds(series, horizon=_testable(series, horizon), folds=WARM_UP, warm_up=0)
    issued = issue(forecaster_for(name, calendar), series, calendar, plan, on_fold=on_fold)
    return _calibrated(name, series, calendar, issued)


def backtest(
    names: Sequence[str],
    series: Series,
    calendar: Calendar,
    *,
    horizon: int,
    folds: int,
    on_fold: OnFold = ignore_fold,
) -> tuple[tuple[Score, ...], dict[str, tuple[Issued, ...]]]:
    """Score each model against the baseline on the same folds; also return what was issued."""
    plan = plan_folds(series, horizon=_testable(series, horizon), folds=folds)
    wanted = [BASELINE, *(name for name in names if name != BASELINE)]
    each = len(plan.cutoffs)
    issued: dict[str, tuple[Issued, ...]] = {}
    for number, name in enumerate(wanted):

        def advance(done: int, _total: int, before: int = number * each) -> None:
            on_fold(before + done, len(wanted) * each)

        issued[name] = issue(forecaster_for(name, calendar), series, calendar, plan, on_fold=advance)
    scores = tuple(score(name, issued[name], issued[BASELINE], series, warm_up=plan.warm_up) for name in wanted)
    return scores, issued


def train(
    name: str, series: Series, calendar: Calendar, *, horizon: int, folds: int, on_fold: OnFold = ignore_fold
) -> Trained:
    """Backtest, fit to the whole history, and judge by the gate: no worse than seasonal naive."""
    scores, issued = backtest([name], series, calendar, horizon=horizon, folds=folds, on_fold=on_fold)
    own = next(entry for entry in scores if entry.model == name)
    reason = gate(own)
    return Trained(
        fitted=_calibrated(name, series, calendar, issued[name]),
        scores=scores,
        state="no_forecast" if reason else "ok",
        reason=reason,
        notes=tuple(_notes(series, own)),
        issued=issued,
    )


def gate(own: Score) -> str:
    """Return why a model may not go into service, or nothing if it may."""
    if own.folds and np.isnan(own.ratio):
        return "copying last week makes no error at all in this history, so that nothing can be better"
    if not own.folds:
        return "the history is too short or too empty for a backtest, so the model is not known to be any good"
    if own.ratio > GATE:
        return f"the error is {own.ratio:.2f} times that of seasonal naive; at most {GATE:.2f} is let through"
    return ""


def workable(series: Series) -> tuple[Series, tuple[str, ...]]:
    """Return the series in bins wide enough to hold something, and what was said about it."""
    mean = float(np.nanmean(series.values)) if series.known else 0.0
    if series.step >= HOUR or mean >= SPARSE_MEAN:
        return series, ()
    note = f"{mean:.2g} arrivals per bin of {format_span(series.step)} are too few; bins of 1h are used"
    return series.summed(HOUR), (note,)


def _calibrated(name: str, series: Series, calendar: Calendar, issued: Sequence[Issued]) -> Calibrated:
    recent = series.upto(len(series), at_most=longest_history(series.step))
    model = forecaster_for(name, calendar).fit(recent, calendar)
    kept = recent.upto(len(recent), at_most=round(28 * DAY / series.step))
    return Calibrated(name=name, model=model, calibration=calibrations(issued)[-1], calendar=calendar, history=kept)


def _testable(series: Series, horizon: int) -> int:
    """Return the horizon, shortened where the history would not give three tests of it."""
    spare = len(series) - shortest_history(series.step)
    return max(1, min(horizon, spare // 3)) if spare >= 1 else horizon


def _notes(series: Series, own: Score) -> list[str]:
    notes: list[str] = []
    days = len(series) * series.step / DAY
    if days < 14:
        notes.append(f"{days:.1f} days of history: no shape of the week can be learned below 14 days")
    hourly = float(np.nanmean(series.values)) * HOUR / series.step if series.known else 0.0
    if hourly < 5:
        notes.append(f"{hourly:.1f} arrivals an hour: mostly chance, which no model can foresee; trust the band")
    if 0 < own.folds < 7:
        notes.append(f"only {own.folds} folds could be scored; take the scores as rough")
    return notes

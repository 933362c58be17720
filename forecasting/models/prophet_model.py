"""Prophet, made fit for request arrivals by four measures.

Prophet as it comes loses to copying last week. What turns it into a model worth having:

1. log1p of the target; one daily shape for working days and one for weekends (Fourier order 10), weekly
   order 6, yearly only from a year of data on, change points up to 90 % of the history, public holidays;
2. closed slots of the week stay out of the fit, and the forecast for them is zero;
3. dead days and runs stay out of the fit: under a logarithm one zero-filled outage ruins everything;
4. the level is set by actual / fitted over the last three live days, after a smearing factor (the mean
   of exp(residual), Duan 1983) has undone the bias of the logarithm.

It is fitted on hourly sums, never on finer bins. For those the hourly curve is read at the middle of each
bin, split evenly, multiplied by the usual ratio of actual to curve in that bin of the week, and, fading
within the hour, by how the last two hours ran against the forecast.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.liveness import EXPECTED, closed_slots, live_bins, recent_level
from forecasting.core.series import BoolArray, FloatArray, Series
from forecasting.core.spans import DAY, HOUR, WEEK
from forecasting.models.profile_level import week_profile
from forecasting.models.prophet_curve import FREE, WORKING, ProphetCurve
from forecasting.models.quiet import quiet
from forecasting.models.state import dump_array, load_array

FEWEST_BINS = 14
RECENT = 2 * HOUR
FADE = HOUR


@dataclass(frozen=True, slots=True)
class ProphetModel:
    """Fits Prophet with the four measures; `growth` is `linear` or `flat`."""

    name: str = "prophet"
    growth: str = "linear"

    def fit(self, series: Series, calendar: Calendar) -> "ProphetFit":
        """Fit to hourly sums (or to the series itself where its bins are wider)."""
        coarse = series.summed(max(HOUR, series.step))
        closed = closed_slots(coarse, calendar)
        slots = calendar.slots(coarse.times, coarse.step)
        live = live_bins(coarse, calendar) & ~closed[slots]
        if np.count_nonzero(live) < FEWEST_BINS:
            raise InputError(f"{self.name}: fewer than {FEWEST_BINS} live bins in the history; nothing to fit")
        document = _fitted(self.growth, coarse, live, calendar)
        fitted_curve = ProphetCurve.of(document)
        curve = _bounded(fitted_curve, coarse.times, calendar)
        residuals = np.log1p(coarse.values[live]) - curve[live]
        smear = float(np.clip(np.mean(np.exp(residuals)), 0.5, 2.0))
        fitted = np.where(closed[slots], 0.0, np.maximum(np.expm1(curve + np.log(smear)), 0.0))
        level = recent_level(coarse.values, fitted, live, per_day=max(round(DAY / coarse.step), 1))
        base = ProphetFit(
            document=document, curve=fitted_curve, calendar=calendar, step=series.step, coarse=coarse.step,
            factor=smear, level=level, closed=closed, shape=np.ones(round(WEEK / series.step)), end=series.end,
            drift=1.0,
        )  # fmt: skip
        return base if series.step >= HOUR else _refined(base, series)


@dataclass(frozen=True, slots=True)
class ProphetFit:
    """A fitted curve with its level, closed slots and, for fine bins, the shape within the week.

    `document` is Prophet's own JSON form, from which Prophet itself can be restored.
    """

    document: Mapping[str, Any]
    curve: ProphetCurve
    calendar: Calendar
    step: float
    coarse: float
    factor: float
    level: float
    closed: BoolArray
    shape: FloatArray
    end: float
    drift: float

    def predict(self, times: FloatArray) -> FloatArray:
        """Return expected arrivals per bin."""
        times = np.asarray(times, dtype=np.float64)
        if not len(times):
            return np.zeros(0)
        share = self.step / self.coarse
        middles = times + self.step / 2 - self.coarse / 2
        rate = np.maximum(np.expm1(_bounded(self.curve, middles, self.calendar) + np.log(self.factor)), 0.0)
        lead = np.maximum(times - self.end, 0.0)
        drift = 1.0 + (self.drift - 1.0) * np.exp(-lead / FADE)
        shape = self.shape[self.calendar.slots(times, self.step)]
        open_ = ~self.closed[self.calendar.slots(times, self.coarse)]
        return np.asarray(rate * share * self.level * shape * drift * open_, dtype=np.float64)

    def dump(self) -> Mapping[str, Any]:
        """Return Prophet's own JSON form and the numbers around it."""
        return {
            "model": dict(self.document), "step": self.step, "coarse": self.coarse, "factor": self.factor,
            "level": self.level, "closed": np.flatnonzero(self.closed).tolist(), "shape": dump_array(self.shape),
            "end": self.end, "drift": self.drift,
        }  # fmt: skip

    @classmethod
    def load(cls, state: Mapping[str, Any], calendar: Calendar) -> Self:
        """Restore what `dump` returned, without loading Prophet."""
        closed = np.zeros(round(WEEK / state["coarse"]), dtype=np.bool_)
        closed[np.asarray(state["closed"], dtype=np.int64)] = True
        return cls(
            document=state["model"], curve=ProphetCurve.of(state["model"]), calendar=calendar, step=state["step"],
            coarse=state["coarse"], factor=state["factor"], level=state["level"], closed=closed,
            shape=load_array(state["shape"]), end=state["end"], drift=state["drift"],
        )  # fmt: skip


def _fitted(growth: str, coarse: Series, live: BoolArray, calendar: Calendar) -> Mapping[str, Any]:
    """Return a Prophet model fitted to the live bins, in its own JSON form."""
    with quiet():
        from prophet import Prophet
        from prophet.serialize import model_to_dict

        span = len(coarse) * coarse.step
        model = Prophet(
            growth=growth, changepoint_range=0.9, uncertainty_samples=0, daily_seasonality=False,
            weekly_seasonality=_weekly_order(span, coarse.step), yearly_seasonality=span >= 365 * DAY,
            holidays=_holiday_table(calendar),
        )  # fmt: skip
        order = min(10, round(DAY / coarse.step) // 2 - 1)
        if order > 0 and span >= WEEK:
            model.add_seasonality(WORKING, period=1, fourier_order=order, condition_name=WORKING)
            model.add_seasonality(FREE, period=1, fourier_order=order, condition_name=FREE)
        elif order > 0:
            model.add_seasonality("any_day", period=1, fourier_order=min(order, 6))
        frame = _frame(coarse.times, calendar)
        frame["y"] = np.log1p(coarse.values)
        model.fit(frame[live])
        document: Mapping[str, Any] = model_to_dict(model)
    return document


def _weekly_order(span: float, step: float) -> int | bool:
    if span < 2 * WEEK:
        return False
    return 6 if step < DAY else 3


def _frame(times: FloatArray, calendar: Calendar) -> Any:
    """Return the table Prophet reads: local time and the kind of day."""
    import pandas as pd

    stamps = (calendar.local(times) * 1000).astype("int64").astype("datetime64[ms]")
    weekend = calendar.is_weekend(times)
    return pd.DataFrame({"ds": stamps, WORKING: ~weekend, FREE: weekend})


def _bounded(curve: ProphetCurve, times: FloatArray, calendar: Calendar) -> FloatArray:
    """Return the curve, in logarithms, at the given times."""
    return np.minimum(curve.predict(times, calendar), 25.0)


def _holiday_table(calendar: Calendar) -> Any:
    if not calendar.holidays:
        return None
    import pandas as pd

    days = sorted(calendar.holidays)
    return pd.DataFrame(
        {"ds": pd.to_datetime([day.isoformat() for day in days]), "holiday": [calendar.holidays[d] for d in days]}
    )


def _refined(base: ProphetFit, series: Series) -> ProphetFit:
    """Learn the shape inside the week's bins, apart from the level, and how the last two hours ran."""
    plain = replace(base, level=1.0).predict(series.times)
    slots = base.calendar.slots(series.times, series.step)
    usable = ~np.isnan(series.values) & (plain > 0)
    ratio = np.where(usable, series.values / np.where(usable, plain, 1.0), np.nan)
    weights = np.where(usable, plain, 0.0)
    shape = np.clip(week_profile(ratio, slots, weights, step=series.step), 0.2, 5.0)
    shape = shape * (weights.sum() / max(float((weights * shape[slots]).sum()), 1e-9))
    shaped = replace(base, shape=shape)
    last = slice(max(len(series) - round(RECENT / series.step), 0), len(series))
    expected = np.where(usable[last], shaped.predict(series.times[last]), 0.0).sum()
    seen = np.where(usable[last], series.values[last], 0.0).sum()
    drift = float(np.clip((seen + EXPECTED) / (expected + EXPECTED), 0.5, 2.0))
    return replace(shaped, drift=drift)

"""Rolling origin: forecasts as they would have been issued in the past, and what they were worth.

The cutoff moves back from the end of the series by one horizon per fold, so that test windows never
overlap. At each cutoff the model sees only what came before it. The first folds serve to calibrate the
band; every later fold is scored with a band learned from the forecasts issued before it, which is how the
band is made in service. All models are scored on the same folds, the baseline among them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.core import metrics
from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.forecaster import Forecaster
from forecasting.core.intervals import Calibration, calibrate
from forecasting.core.series import FloatArray, Series
from forecasting.core.spans import DAY, WEEK, format_span

WARM_UP = 6
REMEMBERED = 14
BAND, ADAPTS, WIDTHS, FEWEST = 0.8, 0.4, (0.5, 3.0), 2
"""Nominal coverage, pace and bounds of the adaptive width, and the forecasts before it begins to adapt."""

OnFold = Callable[[int, int], None]


def ignore_fold(done: int, total: int) -> None:
    """Take note of nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where the cutoffs lie: bin indexes in rising order, how far ahead, how much history a fit sees."""

    cutoffs: tuple[int, ...]
    horizon: int
    history: int
    warm_up: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Issued:
    """One forecast issued at `cutoff`, beside what came true."""

    cutoff: float
    times: FloatArray
    actual: FloatArray
    point: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a model was worth over the scored folds; NaN where it cannot be told."""

    model: str
    folds: int
    bins: int
    wape: float
    ratio: float
    mase: float
    pinball: float
    coverage: float
    under_q95: float


def longest_history(step: float) -> int:
    """Return how many bins a fit sees at most: 56 days, or 1120 bins of a day."""
    return round(56 * DAY / step) if step < DAY else 1120


def shortest_history(step: float) -> int:
    """Return how many bins a fit needs at least: two days, or two weeks of daily bins."""
    return round((2 * DAY if step < DAY else 2 * WEEK) / step)


def check_history(series: Series, *, place: str) -> None:
    """Raise InputError where the series is too short to fit anything."""
    least = shortest_history(series.step)
    if len(series) < least or series.known * 2 < least:
        raise InputError(
            f"{place}: {series.known} known bins of {format_span(series.step)} are not enough history; "
            f"at least {format_span(least * series.step)} with half the bins known are needed"
        )


def plan_folds(series: Series, *, horizon: int, folds: int, warm_up: int = WARM_UP) -> Plan:
    """Return at most `folds` scored cutoffs after at most `warm_up` that only calibrate: one before a single fold."""
    least = shortest_history(series.step)
    possible = list(range(len(series) - horizon, least - 1, -horizon))
    warm = min(warm_up, len(possible) // 3, 1 if folds == 1 else warm_up)
    wanted = possible[: folds + warm]
    return Plan(cutoffs=tuple(reversed(wanted)), horizon=horizon, history=longest_history(series.step), warm_up=warm)


def issue(
    forecaster: Forecaster, series: Series, calendar: Calendar, plan: Plan, *, on_fold: OnFold = ignore_fold
) -> tuple[Issued, ...]:
    """Fit and predict at every cutoff of the plan; a cutoff with too little history for the model is passed over.

    Raises InputError when that is so at all of them.
    """
    issued: list[Issued] = []
    reason: InputError | None = None
    for number, cutoff in enumerate(plan.cutoffs):
        past = series.upto(cutoff, at_most=plan.history)
        if past.known * 2 >= shortest_history(series.step):
            times = past.ahead(plan.horizon)
            actual = series.values[cutoff : cutoff + plan.horizon]
            try:
                point = forecaster.fit(past, calendar).predict(times)
                issued.append(Issued(cutoff=past.end, times=times, actual=actual, point=point))
            except InputError as error:
                reason = error
        on_fold(number + 1, len(plan.cutoffs))
    if reason is not None and not issued:
        raise reason
    return tuple(issued)


def calibrations(issued: Sequence[Issued]) -> list[Calibration]:
    """Return the band that each forecast was given, learned from those before it, and the one for the next.

    The errors of the last `REMEMBERED` forecasts give its shape. Its width follows the coverage of the bands given so
    far, width' = width * exp(ADAPTS * (0.8 - covered)), so that errors that grow are answered within days (adaptive
    conformal inference, Gibbs and Candes 2021, on the logarithm of the width).
    """
    found: list[Calibration] = []
    width = 1.0
    for number in range(len(issued) + 1):
        recent = issued[max(0, number - REMEMBERED) : number]
        found.append(_calibrated(recent).widened(width))
        if FEWEST <= number < len(issued) and not np.all(np.isnan(issued[number].actual)):
            fold = issued[number]
            band = found[-1].forecast(fold.times, 1.0, fold.point)
            covered = metrics.coverage(fold.actual, band.q10, band.q90)
            width = float(np.clip(width * np.exp(ADAPTS * (BAND - covered)), *WIDTHS))
    return found


def _calibrated(issued: Sequence[Issued]) -> Calibration:
    if not issued:
        return calibrate(np.zeros(0), np.zeros(0))
    return calibrate(np.concatenate([fold.actual for fold in issued]), np.concatenate([fold.point for fold in issued]))


def score(name: str, issued: Sequence[Issued], naive: Sequence[Issued], series: Series, *, warm_up: int) -> Score:
    """Score the folds after `warm_up` against the naive forecasts of the same folds.

    `warm_up` counts those of the naive forecasts; folds that the model has passed over are left out of both.
    """
    own_cutoffs, late = {fold.cutoff for fold in issued}, {fold.cutoff for fold in naive[warm_up:]}
    scored = [fold for fold in issued if fold.cutoff in late]
    bar = [fold for fold in naive[warm_up:] if fold.cutoff in own_cutoffs]
    if not scored:
        nan = float("nan")
        return Score(
            model=name, folds=0, bins=0, wape=nan, ratio=nan, mase=nan, pinball=nan, coverage=nan, under_q95=nan
        )
    actual = np.concatenate([fold.actual for fold in scored])
    point = np.concatenate([fold.point for fold in scored])
    bands = [
        calibration.forecast(fold.times, series.step, fold.point)
        for calibration, fold in zip(calibrations(issued), issued, strict=False)
        if fold.cutoff in late
    ]
    q10, q90 = np.concatenate([b.q10 for b in bands]), np.concatenate([b.q90 for b in bands])
    losses = [
        metrics.pinball(actual, quantile, level=level) for quantile, level in ((q10, 0.1), (point, 0.5), (q90, 0.9))
    ]
    own = metrics.wape(actual, point)
    bar_wape = metrics.wape(actual, np.concatenate([fold.point for fold in bar]))
    return Score(
        model=name,
        folds=len(scored),
        bins=int(np.count_nonzero(~np.isnan(actual))),
        wape=own,
        ratio=own / bar_wape if bar_wape > 0 else (1.0 if own == bar_wape else float("nan")),
        mase=metrics.mase(actual, point, scale=_season_step(series)),
        pinball=float(np.mean(losses)),
        coverage=metrics.coverage(actual, q10, q90),
        under_q95=metrics.coverage(actual, np.zeros(len(actual)), np.concatenate([b.q95 for b in bands])),
    )


def _season_step(series: Series) -> float:
    season = round((WEEK if len(series) * series.step >= 2 * WEEK else DAY) / series.step)
    return metrics.seasonal_scale(series.values, season)

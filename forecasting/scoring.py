"""Backtests of one series, or of many side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from forecasting.core.backtest import Score, check_history
from forecasting.core.calendar import Calendar
from forecasting.core.series import Series
from forecasting.core.spans import HOUR
from forecasting.models.training import backtest, workable
from forecasting.options import steps_of
from forecasting.processes import side_by_side

OnSeries = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One series to score; `horizon` such as 24h; auto: a day ahead, or an hour for bins under one."""

    name: str
    series: Series
    models: tuple[str, ...]
    horizon: str
    folds: int
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A series with the scores of the models on it; `step` and `horizon` are seconds."""

    name: str
    step: float
    horizon: float
    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def score_series(job: Job, on_fold: Callable[[int, int], None] = lambda done, total: None) -> Scored:
    """Check and score one series; raises InputError that names it."""
    series, notes = workable(job.series)
    check_history(series, place=job.name)
    auto = "24h" if series.step >= HOUR else "1h"
    steps = steps_of(auto if job.horizon == "auto" else job.horizon, series)
    scores, _ = backtest(job.models, series, job.calendar, horizon=steps, folds=job.folds, on_fold=on_fold)
    return Scored(name=job.name, step=series.step, horizon=steps * series.step, scores=scores, notes=notes)


def score_all(jobs: Sequence[Job], *, workers: int, scheduler: str | None, on_series: OnSeries) -> list[Scored]:
    """Score all series, in the order given: `workers` at a time, or on a Dask cluster."""
    return list(side_by_side(score_series, jobs, workers=workers, scheduler=scheduler, on_done=on_series))

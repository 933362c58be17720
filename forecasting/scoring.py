"""Backtests of one series, or of many side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecasting.core.backtest import Score, check_history
from forecasting.core.spans import HOUR
from forecasting.fitting import name_of
from forecasting.models.holiday_calendar import calendar_for
from forecasting.models.training import backtest, workable
from forecasting.options import steps_of
from forecasting.processes import side_by_side
from forecasting.sources.csv_series import read_csv

OnSeries = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One series to score; `horizon` such as 24h; auto: a day ahead, or an hour for bins under one."""

    path: Path
    models: tuple[str, ...]
    horizon: str
    folds: int
    country: str | None
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A series with the scores of the models on it; `step` and `horizon` are seconds."""

    name: str
    step: float
    horizon: float
    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def score_series(job: Job, on_fold: Callable[[int, int], None] = lambda done, total: None) -> Scored:
    """Read, check and score one series; raises InputError that names the file."""
    series, notes = workable(read_csv(job.path))
    check_history(series, place=str(job.path))
    calendar = calendar_for(country=job.country, zone=job.zone, begin=series.start, end=series.end)
    auto = "24h" if series.step >= HOUR else "1h"
    steps = steps_of(auto if job.horizon == "auto" else job.horizon, series)
    scores, _ = backtest(job.models, series, calendar, horizon=steps, folds=job.folds, on_fold=on_fold)
    return Scored(name=name_of(job.path), step=series.step, horizon=steps * series.step, scores=scores, notes=notes)


def score_all(jobs: Sequence[Job], *, workers: int, on_series: OnSeries) -> list[Scored]:
    """Score all series, in the order given, `workers` at a time."""
    return side_by_side(score_series, jobs, workers=workers, on_done=on_series)

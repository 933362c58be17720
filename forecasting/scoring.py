"""Backtests of many series side by side, each in a process of its own.

A fit takes a second of one core and 300 MB, and its libraries keep threads of their own, so that series are spread
over fresh processes and never over threads or forks.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from forecasting.core.backtest import Score, check_history
from forecasting.core.spans import HOUR
from forecasting.models.holiday_calendar import calendar_for
from forecasting.models.training import backtest, workable
from forecasting.sources.csv_series import read_csv

DAY_AHEAD, HOUR_AHEAD = 24 * HOUR, HOUR
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

OnSeries = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One series to score; `horizon` in seconds, None for a day ahead, or an hour for bins under one."""

    path: Path
    models: tuple[str, ...]
    horizon: float | None
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
    horizon = job.horizon or (DAY_AHEAD if series.step >= HOUR else HOUR_AHEAD)
    steps = max(1, round(horizon / series.step))
    scores, _ = backtest(job.models, series, calendar, horizon=steps, folds=job.folds, on_fold=on_fold)
    name = job.path.name.removesuffix(".gz").removesuffix(".csv")
    return Scored(name=name, step=series.step, horizon=steps * series.step, scores=scores, notes=notes)


def score_all(jobs: Sequence[Job], *, workers: int, on_series: OnSeries) -> list[Scored]:
    """Score all series, in the order given, `workers` at a time."""
    found: list[Scored] = []
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")  # for the processes: they share the cores already
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for scored in pool.map(score_series, jobs):
            found.append(scored)
            on_series(len(found), len(jobs))
    return found

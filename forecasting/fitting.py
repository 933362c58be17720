"""Fitting, testing and registering series: one, or many side by side, each in a process of its own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecasting.core.backtest import Score, check_history
from forecasting.core.spans import DAY
from forecasting.models.holiday_calendar import calendar_for
from forecasting.models.registry import register
from forecasting.models.training import train, workable
from forecasting.options import steps_of
from forecasting.processes import side_by_side
from forecasting.sources.csv_series import read_csv

OnFold = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitJob:
    """A series to fit, the folder for its versions, and how; `horizon` as people write it, such as 24h."""

    path: Path
    model_dir: Path
    model: str
    horizon: str
    folds: int
    country: str | None
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What came of a series: the version, whether it was promoted (`ok`) and why not, its scores."""

    name: str
    version: str
    state: str
    reason: str
    bins: int
    step: float
    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def name_of(path: Path) -> str:
    """Return what a series is called: its file's name without the ends, or the folder's that ingest has written."""
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return path.parent.name if name == "arrivals" else name


def fit_series(job: FitJob, on_fold: OnFold = lambda done, total: None) -> Fitted:
    """Read, check, fit, test and register one series; raises InputError that names the file."""
    series, notes = workable(read_csv(job.path))
    check_history(series, place=str(job.path))
    calendar = calendar_for(country=job.country, zone=job.zone, begin=series.start, end=series.end + 366 * DAY)
    steps = steps_of(job.horizon, series)
    trained = train(job.model, series, calendar, horizon=steps, folds=job.folds, on_fold=on_fold)
    version = register(trained, series, job.model_dir, made_at=time.time())
    return Fitted(
        name=name_of(job.path),
        version=version,
        state=trained.state,
        reason=trained.reason,
        bins=series.known,
        step=series.step,
        scores=trained.scores,
        notes=(*notes, *trained.notes),
    )


def fit_all(jobs: Sequence[FitJob], *, workers: int, on_series: Callable[[int, int], None]) -> list[Fitted]:
    """Fit all series, in the order given, `workers` at a time."""
    return side_by_side(fit_series, jobs, workers=workers, on_done=on_series)

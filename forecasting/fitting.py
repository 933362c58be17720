"""Fitting and testing series: one, or many side by side, each in a process of its own."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecasting.core.backtest import Score, check_history
from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.series import Series
from forecasting.core.spans import format_span
from forecasting.models.registry import Version, digest_of, version_of
from forecasting.models.service import listing
from forecasting.models.training import Trained, train, workable
from forecasting.options import series_paths, steps_of
from forecasting.pages.render import page
from forecasting.pictures import KINDS, panels, prophet_in
from forecasting.plotting import as_svg
from forecasting.processes import side_by_side
from forecasting.sources.csv_series import read_csv
from forecasting.sources.table import read_table

BY = ("room", "class", "region", "all")

UNREAD, GAPS = 0.02, 0.05
"""Shares of unreadable lines and of gaps from which on a fit says so."""

OnFold = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitJob:
    """A series to fit and how; `horizon` as people write it, such as 24h; `pictures`: the model card shows them."""

    name: str
    series: Series
    model: str
    horizon: str
    folds: int
    calendar: Calendar
    pictures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What came of a series: the version, if one could be made, whether it is promoted (`ok`), why not, its scores."""

    name: str
    version: Version | None
    state: str
    reason: str
    bins: int
    step: float
    scores: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()


def name_of(path: Path) -> str:
    """Return what a series is called: its file's name without the ends, or the folder's that ingest has written."""
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return path.parent.name if name == "arrivals" else name


def series_in(data: Path, by: str) -> dict[str, Series]:
    """Return the series meant, by name: of CSVs, or with `by` (room, class, region, all) of a table of ingest."""
    if by:
        if by not in BY:
            raise InputError(f"--by: {by!r} is none of {', '.join(BY)}")
        return read_table(data / "arrivals.parquet" if data.is_dir() else data, "" if by == "all" else by)
    found: dict[str, Series] = {}
    for path in series_paths([data]):
        if name_of(path) in found:
            raise InputError(f"--data: {data} holds two files for one series, {name_of(path)}")
        found[name_of(path)] = read_csv(path)
    return found


def ingest_notes(data: Path) -> list[str]:
    """Return what the quality report of an ingest says that a fit should be taken with care for; none without one."""
    try:
        quality = json.loads((data / "quality.json").read_text(encoding="utf-8"))
        read, dropped, bins = quality["lines_read"], quality["dropped"], max(quality["bins"], 1)
        unread = sum(dropped.get(reason, {"lines": 0})["lines"] for reason in ("broken", "too_long"))
    except (OSError, ValueError, KeyError, TypeError):
        return []
    found = []
    if unread > UNREAD * read:
        found.append(f"{unread / read:.0%} of the lines of the logs could not be read; see {data / 'quality.html'}")
    if quality["gap_bins"] > GAPS * bins:
        found.append(f"{quality['gap_bins'] / bins:.0%} of the time the logs hold nothing; see {data / 'quality.html'}")
    return found


def fit_series(job: FitJob, on_fold: OnFold = lambda done, total: None) -> Fitted:
    """Check, fit and test one series and make a version of it; nothing is written. Raises InputError."""
    series, notes = workable(job.series)
    check_history(series, place=job.name)
    steps = steps_of(job.horizon, series)
    trained = train(job.model, series, job.calendar, horizon=steps, folds=job.folds, on_fold=on_fold)

    def card(manifest: Mapping[str, Any]) -> str:
        drawn = _pictures(trained, series, steps) if job.pictures else ""
        return page("card.html.j2", m=manifest, bin=format_span(series.step), pictures=drawn)

    return Fitted(
        name=job.name,
        version=version_of(trained, series, made_at=time.time(), card=card),
        state=trained.state,
        reason=trained.reason,
        bins=series.known,
        step=series.step,
        scores=trained.scores,
        notes=(*notes, *trained.notes),
    )


def try_series(job: FitJob) -> Fitted:
    """Do the same; a series that cannot be fitted is told of in what is returned, so that the others go on."""
    try:
        return fit_series(job)
    except InputError as error:
        return Fitted(
            name=job.name, version=None, state="failed", reason=str(error), bins=job.series.known, step=job.series.step
        )


def fit_all(
    jobs: Sequence[FitJob], *, workers: int, scheduler: str | None, on_series: Callable[[int, int], None]
) -> Iterator[Fitted]:
    """Yield what came of each series, in the order given: `workers` at a time, or on a Dask cluster."""
    return side_by_side(try_series, jobs, workers=workers, scheduler=scheduler, on_done=on_series)


def knows(model_dir: Path, series: Series, model: str) -> str:
    """Return the newest version if it was fitted to this very data by this model, else an empty text."""
    versions = listing(model_dir)
    manifest = versions[0] if versions else {}
    same = manifest.get("data", {}).get("sha256") == digest_of(workable(series)[0])
    return str(manifest["version"]) if same and manifest.get("model") == model else ""


def _pictures(trained: Trained, series: Series, steps: int) -> str:
    """Return the pictures of a card, as SVG; Prophet's parts only where the model has them."""
    kinds = [kind for kind in KINDS if kind != "components" or prophet_in(trained.fitted.model)]
    return as_svg(panels(kinds, trained.fitted, series, steps, lambda: dict(trained.issued)))

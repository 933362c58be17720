"""`talon forecast fit`: one series, or many of them side by side."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import DAY, format_span
from forecasting.options import Country, EventsFile, ModelName, Scheduler, Workers, Zone, calendar_of, reporting

if TYPE_CHECKING:
    from forecasting.fitting import FitJob

AHEAD = 366 * DAY
"""How far beyond the data a calendar of a fit knows holidays and events."""

By = Annotated[str, typer.Option("--by", help="Fit each room, class, region, or all three, of a folder from ingest.")]
IfNew = Annotated[
    bool, typer.Option("--if-new", help="Leave series whose newest version knows this very data already.")
]


@reporting
def fit(
    data: Annotated[
        Path, typer.Option("--data", help="A CSV with ds,y, a folder written by ingest, or a folder of CSVs.")
    ],
    model_dir: Annotated[
        Path, typer.Option("--model-dir", help="Folder of model versions; of a subfolder per series.")
    ],
    model: ModelName = "combination",
    by: By = "",
    horizon: Annotated[str, typer.Option(help="How far ahead the backtest looks.")] = "24h",
    folds: Annotated[int, typer.Option(min=1, max=200, help="Scored folds of the backtest; 1 is a quick check.")] = 12,
    country: Country = None,
    timezone: Zone = "UTC",
    events: EventsFile = None,
    if_new: IfNew = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Train a model, test it against copying last week, register it, and promote it if it is no worse.

    Example: talon forecast fit --data var/data --model-dir var/models --country DE

    Example: talon forecast fit --data var/data --by room --model-dir var/models --folds 1

    Example: talon forecast fit --data regions/ --model-dir var/models --scheduler tcp://dask:8786
    """
    from forecasting.fitting import FitJob, ingest_notes, knows, series_in
    from forecasting.models.catalogue import forecaster
    from forecasting.views import say

    forecaster(model)  # a wrong name is told before anything is read
    found = series_in(data, by)
    for note in ingest_notes(data):
        say(f"note: {note}")
    many = len(found) > 1 or bool(by)
    places = {name: model_dir / name if many else model_dir for name in found}
    if if_new and (same := [name for name, series in found.items() if knows(places[name], series, model)]):
        say(f"nothing new in the data of {', '.join(same)}; what was fitted to it stays")
        found = {name: series for name, series in found.items() if name not in same}
    jobs = [
        FitJob(
            name=name, series=series, model=model, horizon=horizon, folds=folds, pictures=not many,
            calendar=calendar_of(series, country, timezone, ahead=AHEAD, events=events),
        )
        for name, series in found.items()
    ]  # fmt: skip
    if many or scheduler is not None:
        _fit_many(jobs, places, workers, scheduler)
    elif jobs:
        _fit_one(jobs[0], model_dir)


def _fit_many(jobs: "list[FitJob]", places: dict[str, Path], workers: int | None, scheduler: str | None) -> None:
    from forecasting.fitting import fit_all
    from forecasting.models.registry import register
    from forecasting.views import progress, show_fits

    with progress("series") as advance:
        found = []
        for each in fit_all(jobs, workers=workers or os.cpu_count() or 1, scheduler=scheduler, on_series=advance):
            if each.version is not None:
                register(each.version, places[each.name])
            found.append(each)
    show_fits(found)
    if failed := [each for each in found if each.version is None]:
        raise InputError(f"{len(failed)} of {len(found)} series could not be fitted; the first: {failed[0].reason}")


def _fit_one(job: "FitJob", model_dir: Path) -> None:
    from forecasting.fitting import fit_series
    from forecasting.models.registry import register
    from forecasting.views import progress, say, show_scores

    with progress("fit and backtest") as advance:
        done = fit_series(job, advance)
    assert done.version is not None
    register(done.version, model_dir)
    say(f"{done.bins:,} known bins of {format_span(done.step)}")
    show_scores(done.scores, horizon=job.horizon)
    for note in done.notes:
        say(f"note: {note}")
    if done.state == "ok":
        say(f"registered and promoted: {done.version.name}")
    else:
        say(f"registered, not promoted: {done.version.name}: {done.reason}")
    say(f"model card: {model_dir / done.version.name / 'card.html'}")

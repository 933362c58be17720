"""`talon forecast fit`: one series, or a folder of them side by side."""

import os
from pathlib import Path
from typing import Annotated

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import format_span
from forecasting.options import reporting, series_paths


@reporting
def fit(
    data: Annotated[
        Path, typer.Option("--data", help="A CSV with ds,y, a folder written by ingest, or a folder of CSVs.")
    ],
    model_dir: Annotated[
        Path, typer.Option("--model-dir", help="Folder of model versions; of a subfolder per series.")
    ],
    model: Annotated[
        str,
        typer.Option("--model", help="combination, prophet, prophet_flat, boosting, profile_level or seasonal_naive."),
    ] = "combination",
    horizon: Annotated[str, typer.Option(help="How far ahead the backtest looks.")] = "24h",
    folds: Annotated[int, typer.Option(min=1, max=200, help="Scored folds of the backtest.")] = 12,
    country: Annotated[str | None, typer.Option("--country", help="Country code whose public holidays count.")] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", help="Time zone in which people live, such as Europe/Berlin.")
    ] = "UTC",
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Series fitted at a time. Default: the cores there are.")
    ] = None,
) -> None:
    """Train a model, test it against copying last week, register it, and promote it if it is no worse.

    Example: talon forecast fit --data var/data --model-dir var/models --country DE

    Example: talon forecast fit --data regions/ --model-dir var/models --folds 3
    """
    from forecasting.fitting import FitJob, fit_all, fit_series, name_of
    from forecasting.models.catalogue import forecaster
    from forecasting.views import progress, say, show_fits, show_scores

    forecaster(model)  # a wrong name is told before anything is read
    paths = series_paths([data])
    jobs = [
        FitJob(
            path=path, model_dir=model_dir if len(paths) == 1 else model_dir / name_of(path), model=model,
            horizon=horizon, folds=folds, country=country, zone=timezone,
        )
        for path in paths
    ]  # fmt: skip
    if len({job.model_dir for job in jobs}) < len(jobs):
        raise InputError(f"--data: {data} holds two files for one series, a .csv and a .csv.gz")
    if len(jobs) > 1:
        with progress("series") as advance:
            found = fit_all(jobs, workers=workers or os.cpu_count() or 1, on_series=advance)
        show_fits(found)
        return
    with progress("fit and backtest") as advance:
        done = fit_series(jobs[0], advance)
    say(f"{done.bins:,} known bins of {format_span(done.step)}")
    show_scores(done.scores, horizon=horizon)
    for note in done.notes:
        say(f"note: {note}")
    if done.state == "ok":
        say(f"registered and promoted: {done.version}")
    else:
        say(f"registered, not promoted: {done.version}: {done.reason}")

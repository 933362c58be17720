"""`talon forecast retrain`: everything from new log lines to the plan in one command, for a timer."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from forecasting import fit_cli, ingest_cli, publish_cli
from forecasting.core.errors import InputError
from forecasting.options import Country, EventsFile, ModelName, Scheduler, Workers, Zone, reporting


class Busy(Exception):
    """Another run is at the same data."""


@reporting
def retrain(
    context: typer.Context,
    logs: ingest_cli.Logs,
    data: Annotated[Path, typer.Option("--data", help="Folder of the series; it remembers how far the logs are read.")],
    model_dir: Annotated[Path, typer.Option("--model-dir", help="Folder of model versions.")],
    redis_url: publish_cli.RedisUrl,
    by: fit_cli.By = "",
    config: ingest_cli.Config = None,
    room: Annotated[
        str | None, typer.Option(help="Room whose plan this is. Default: booking, or as --by names.")
    ] = None,
    capacity: publish_cli.Capacity = None,
    age_limit: publish_cli.AgeLimit = "26h",
    horizon: publish_cli.Horizon = "48h",
    issued: publish_cli.IssuedFile = None,
    model: ModelName = "combination",
    folds: Annotated[int, typer.Option(min=1, max=200, help="Scored folds of the backtest.")] = 12,
    visit_gap: ingest_cli.VisitGap = "0",
    log_format: ingest_cli.LogFormat = None,
    log_timezone: ingest_cli.LogTimezone = "UTC",
    country: Country = None,
    timezone: Zone = "UTC",
    events: EventsFile = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Read what is new in the logs, fit if anything is, promote what passes the gate, publish what is in service.

    May be run as often as wanted: without new lines nothing is fitted, and of two runs at a time one does nothing.
    When reading or fitting fails, the version in service is published all the same, and the command ends with code 2.

    Example: talon forecast retrain 'access.log*' --data var/data --model-dir var/models --redis redis://localhost
    """
    from forecasting.views import say

    try:
        with _alone(data):
            failed = False
            try:
                ingest_cli.ingest(
                    context, logs, data, incremental=True, config=config, visit_gap=visit_gap, log_format=log_format,
                    log_timezone=log_timezone,
                )  # fmt: skip
                fit_cli.fit(
                    data, model_dir, model=model, by=by, folds=folds, country=country, timezone=timezone, events=events,
                    if_new=True, workers=workers, scheduler=scheduler,
                )  # fmt: skip
            except typer.Exit:
                failed = True  # its line was said; what is in service goes on
            publish_cli.publish(
                model_dir,
                redis_url,
                room=room,
                capacity=capacity,
                age_limit=age_limit,
                horizon=horizon,
                issued=issued,
                events=events,
            )
    except Busy:
        say(f"another run is at {data}; this one leaves it to that")
        return
    if failed:
        raise typer.Exit(2)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the folder against other runs; the lock ends with the process, however that ends."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / ".lock").open("w")
    except OSError as error:
        raise InputError(f"--data: {data} cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        yield

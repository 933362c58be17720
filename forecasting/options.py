"""What the options of the commands mean, and how a wrong one is reported."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import format_span, parse_instant, parse_span

if TYPE_CHECKING:
    from forecasting.core.calendar import Calendar
    from forecasting.core.series import Series

ModelName = Annotated[
    str, typer.Option("--model", help="combination, prophet, prophet_flat, boosting, profile_level or seasonal_naive.")
]
Country = Annotated[str | None, typer.Option("--country", help="Country code whose public holidays count.")]
EventsFile = Annotated[
    Path | None, typer.Option("--events", help="File of declared events: openings, campaigns, free and moved days.")
]
Zone = Annotated[str, typer.Option("--timezone", help="Time zone in which people live, such as Europe/Berlin.")]

Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Series worked on at a time. Default: the cores there are.")
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", help="Work on the Dask cluster of this address, such as tcp://host:8786.")
]

P = ParamSpec("P")
R = TypeVar("R")


def reporting(command: Callable[P, R]) -> Callable[P, R]:
    """Turn input that cannot be used into one line on standard error and exit code 2."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except InputError as error:
            typer.echo("talon: " + " ".join(str(error).split()), err=True)
            raise typer.Exit(2) from None

    return run


def series_path(data: Path) -> Path:
    """Return the CSV meant by a folder written by ingest, or by the file itself."""
    return data / "arrivals.csv" if data.is_dir() else data


def series_paths(data: "list[Path]") -> "list[Path]":
    """Return every CSV meant: files, folders written by ingest, folders of CSV files."""
    found: list[Path] = []
    for place in data:
        if not place.is_dir() or (place / "arrivals.csv").is_file():
            found.append(series_path(place))
            continue
        inside = sorted([*place.glob("*.csv"), *place.glob("*.csv.gz")])
        if not inside:
            raise InputError(f"--data: {place} holds no .csv and no .csv.gz file")
        found += inside
    return found


def calendar_of(
    series: "Series", country: str | None, zone: str, *, ahead: float = 0.0, events: Path | None = None
) -> "Calendar":
    """Return the calendar for a series and `ahead` seconds after it, with what a file of events declares."""
    from forecasting.core.calendar import zone_of
    from forecasting.models.holiday_calendar import calendar_for
    from forecasting.sources.events_file import read_events

    end = series.end + ahead
    calendar = calendar_for(country=country, zone=zone, begin=series.start, end=end)
    if events is None:
        return calendar
    return read_events(events, zone_of(zone, "--timezone"), begin=series.start, end=end).into(calendar)


def steps_of(horizon: str, series: "Series") -> int:
    """Return the number of bins in a horizon."""
    steps = parse_span(horizon, name="--horizon") / series.step
    if not 1 <= steps <= 10_000:
        raise InputError(f"--horizon: {horizon} is {steps:g} bins of {format_span(series.step)}; use 1 to 10000")
    return round(steps)


def span_or_off(text: str, name: str) -> float:
    """Return a span in seconds, zero for `0`."""
    return 0.0 if text.strip() == "0" else parse_span(text, name=name)


def instant_of(text: str) -> float:
    """Return the instant given to --at."""
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise InputError(f"--at: {text!r} is not a time; write for example 2026-11-23T08:00:00Z") from None


def capacities_of(pairs: list[str]) -> dict[str, float]:
    """Return capacities from `POOL=RATE` pairs."""
    capacities: dict[str, float] = {}
    for pair in pairs:
        pool, _, rate = pair.partition("=")
        try:
            value = float(rate)
        except ValueError:
            value = -1.0
        if not pool or not 0 <= value < 1e9:
            raise InputError(f"--capacity: {pair!r} is not POOL=RATE; write for example primary=25")
        capacities[pool] = value
    return capacities

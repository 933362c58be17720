"""`talon forecast plot`: pictures of a series, its model and what the model is worth."""

from pathlib import Path
from typing import Annotated

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import parse_span
from forecasting.options import Country, EventsFile, ModelName, Zone, calendar_of, reporting, series_path, steps_of


@reporting
def plot(
    output: Annotated[Path, typer.Option("--output", help="Picture to write: .svg, .png or .pdf.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder written by ingest, or a CSV with ds,y.")] = None,
    model_dir: Annotated[Path | None, typer.Option("--model-dir", help="Folder of model versions.")] = None,
    what: Annotated[
        list[str] | None,
        typer.Option("--what", help="forecast, components, week, calibration, horizon or all; may be repeated."),
    ] = None,
    model: ModelName = "combination",
    horizon: Annotated[str, typer.Option(help="How far ahead.")] = "24h",
    folds: Annotated[int, typer.Option(min=1, max=200, help="Folds of the backtest that some pictures need.")] = 12,
    country: Country = None,
    timezone: Zone = "UTC",
    events: EventsFile = None,
) -> None:
    """Draw history, forecast and band, and what else is asked for; from a model in service, or one fitted for it.

    calibration and horizon show a backtest, which is run for them and takes its time.

    Example: talon forecast plot --data var/data --output forecast.svg

    Example: talon forecast plot --data var/data --model-dir var/models --what all --output model.png
    """
    from forecasting.core.backtest import check_history
    from forecasting.models.service import in_service
    from forecasting.models.training import backtest, fit_calibrated, workable
    from forecasting.pictures import KINDS, Tested, panels
    from forecasting.plotting import check_format, draw
    from forecasting.sources.csv_series import read_csv
    from forecasting.views import progress, say, warn

    if data is None and model_dir is None:
        raise InputError("plot: give --data, --model-dir or both")
    check_format(output)
    kinds = KINDS if "all" in (what or ()) else what or ("forecast",)
    if wrong := set(kinds) - set(KINDS):
        raise InputError(f"--what: {sorted(wrong)[0]!r} is none of {', '.join(KINDS)}, all")
    series = workable(read_csv(series_path(data)))[0] if data is not None else None
    if model_dir is not None:
        found, note = in_service(model_dir)
        warn(note)
        fitted = found.fitted
    else:
        assert series is not None
        check_history(series, place=str(data))
        calendar = calendar_of(series, country, timezone, ahead=parse_span(horizon, name="--horizon"), events=events)
        fitted = fit_calibrated(model, series, calendar, horizon=steps_of(horizon, series))
    history = fitted.history if series is None else series
    steps = steps_of(horizon, history)

    def test() -> Tested:
        with progress("backtest") as advance:
            return backtest([fitted.name], history, fitted.calendar, horizon=steps, folds=folds, on_fold=advance)[1]

    draw(panels(kinds, fitted, history, steps, test), output)
    say(f"written: {output}")

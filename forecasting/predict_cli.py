"""`talon forecast predict`: the plainest way to use the forecaster on any series."""

from pathlib import Path
from typing import Annotated

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import format_span, parse_bin
from forecasting.options import Country, EventsFile, ModelName, Zone, calendar_of, reporting


@reporting
def predict(
    horizon: Annotated[int, typer.Option(min=1, max=10_000, help="Number of steps to forecast.")],
    output: Annotated[Path, typer.Option("--output", help="CSV to write; .gz too.")],
    source: Annotated[Path | None, typer.Option("--input", help="History: a CSV with ds,y; .gz too.")] = None,
    freq: Annotated[str, typer.Option(help="Width of a step of --input, such as h, 15min or D.")] = "",
    model_dir: Annotated[
        Path | None, typer.Option("--model-dir", help="Forecast with the version in service instead of --input.")
    ] = None,
    model: ModelName = "combination",
    country: Country = None,
    timezone: Zone = "UTC",
    events: EventsFile = None,
) -> None:
    """Forecast any series of counts: ds,y in, ds,yhat,yhat_lower,yhat_upper,q95 out.

    Example: talon forecast predict --input arrivals.csv --horizon 24 --freq h --output forecast.csv

    Example: talon forecast predict --model-dir var/models --horizon 24 --output forecast.csv
    """
    from forecasting.core.backtest import check_history
    from forecasting.sources.csv_series import read_csv, write_forecast
    from forecasting.views import progress, say, warn

    if (source is None) == (model_dir is None):
        raise InputError("predict: give either --input with --freq, or --model-dir")
    if model_dir is not None:
        from forecasting.models.service import in_service

        found, note = in_service(model_dir)
        warn(note)
        served = found.fitted
        write_forecast(served.forecast(served.history.ahead(horizon)), output)
        what = f"{horizon} steps of {format_span(served.history.step)} by {served.name}, {found.version}"
        say(f"written: {output}: {what}")
        return
    from forecasting.models.training import fit_calibrated

    assert source is not None
    width = parse_bin(freq, name="--freq")
    series = read_csv(source, step=width)
    check_history(series, place=str(source))
    calendar = calendar_of(series, country, timezone, ahead=horizon * width, events=events)
    with progress("fit") as advance:
        fitted = fit_calibrated(model, series, calendar, horizon=horizon, on_fold=advance)
    write_forecast(fitted.forecast(series.ahead(horizon)), output)
    say(f"written: {output}: {horizon} steps of {format_span(width)} by {model}")

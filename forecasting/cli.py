"""`talon forecast`: logs to arrivals, arrivals to a model, a model to the plan the gateway follows.

Libraries that take long to load are imported by the commands that use them, so that help is instant.
"""

from pathlib import Path
from typing import Annotated

import typer

from forecasting import backtest_cli, fit_cli, ingest_cli, publish_cli, service_cli
from forecasting.core.errors import InputError
from forecasting.core.spans import format_span, parse_bin, parse_span
from forecasting.options import (
    calendar_of,
    reporting,
    series_path,
    steps_of,
)

app = typer.Typer(
    name="forecast",
    help="Forecast arrivals from access logs and publish the plan that the gateway follows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(ingest_cli.ingest)
app.command()(fit_cli.fit)
app.command()(backtest_cli.backtest)
app.command()(publish_cli.publish)
app.command("list")(service_cli.list_versions)
app.command()(service_cli.promote)
app.command()(service_cli.rollback)

Model = Annotated[
    str, typer.Option("--model", help="combination, prophet, prophet_flat, boosting, profile_level or seasonal_naive.")
]
Country = Annotated[str | None, typer.Option("--country", help="Country code whose public holidays count.")]
Zone = Annotated[str, typer.Option("--timezone", help="Time zone in which people live, such as Europe/Berlin.")]


@app.command()
@reporting
def predict(
    horizon: Annotated[int, typer.Option(min=1, max=10_000, help="Number of steps to forecast.")],
    output: Annotated[Path, typer.Option("--output", help="CSV to write; .gz too.")],
    source: Annotated[Path | None, typer.Option("--input", help="History: a CSV with ds,y; .gz too.")] = None,
    freq: Annotated[str, typer.Option(help="Width of a step of --input, such as h, 15min or D.")] = "",
    model_dir: Annotated[
        Path | None, typer.Option("--model-dir", help="Forecast with the version in service instead of --input.")
    ] = None,
    model: Model = "combination",
    country: Country = None,
    timezone: Zone = "UTC",
) -> None:
    """Forecast any series of counts: ds,y in, ds,yhat,yhat_lower,yhat_upper,q95 out.

    Example: talon forecast predict --input arrivals.csv --horizon 24 --freq h --output forecast.csv

    Example: talon forecast predict --model-dir var/models --horizon 24 --output forecast.csv
    """
    from forecasting.core.backtest import check_history
    from forecasting.sources.csv_series import read_csv, write_forecast
    from forecasting.views import progress, say

    if (source is None) == (model_dir is None):
        raise InputError("predict: give either --input with --freq, or --model-dir")
    if model_dir is not None:
        from forecasting.models.pointer import current_version
        from forecasting.models.registry import read_version

        version = current_version(model_dir)
        served = read_version(model_dir, version).fitted
        write_forecast(served.forecast(served.history.ahead(horizon)), output)
        say(f"written: {output}: {horizon} steps of {format_span(served.history.step)} by {served.name}, {version}")
        return
    from forecasting.models.training import fit_calibrated

    assert source is not None
    width = parse_bin(freq, name="--freq")
    series = read_csv(source, step=width)
    check_history(series, place=str(source))
    calendar = calendar_of(series, country, timezone, ahead=horizon * width)
    with progress("fit") as advance:
        fitted = fit_calibrated(model, series, calendar, horizon=horizon, on_fold=advance)
    write_forecast(fitted.forecast(series.ahead(horizon)), output)
    say(f"written: {output}: {horizon} steps of {format_span(width)} by {model}")


@app.command()
@reporting
def plot(
    output: Annotated[Path, typer.Option("--output", help="Picture to write: .svg, .png or .pdf.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder written by ingest, or a CSV with ds,y.")] = None,
    model_dir: Annotated[Path | None, typer.Option("--model-dir", help="Folder of model versions.")] = None,
    model: Model = "combination",
    horizon: Annotated[str, typer.Option(help="How far ahead.")] = "24h",
    country: Country = None,
    timezone: Zone = "UTC",
) -> None:
    """Draw history, forecast and band; from registered models, or with a model fitted to the data for it.

    Example: talon forecast plot --data var/data --output forecast.svg
    """
    from forecasting.core.backtest import check_history
    from forecasting.models.pointer import current_version
    from forecasting.models.registry import read_version
    from forecasting.models.training import fit_calibrated, workable
    from forecasting.plotting import draw
    from forecasting.sources.csv_series import read_csv
    from forecasting.views import say

    if data is None and model_dir is None:
        raise InputError("plot: give --data, --model-dir or both")
    series = workable(read_csv(series_path(data)))[0] if data is not None else None
    if model_dir is not None:
        fitted = read_version(model_dir, current_version(model_dir)).fitted
    else:
        assert series is not None
        check_history(series, place=str(data))
        calendar = calendar_of(series, country, timezone, ahead=parse_span(horizon, name="--horizon"))
        fitted = fit_calibrated(model, series, calendar, horizon=steps_of(horizon, series))
    history = fitted.history
    forecast = fitted.forecast(history.ahead(steps_of(horizon, history)))
    draw(history if series is None else series, forecast, output, title=f"{horizon} ahead by {fitted.name}")
    say(f"written: {output}")

"""`talon forecast`: logs to arrivals, arrivals to a model, a model to the plan the gateway follows.

Libraries that take long to load are imported by the commands that use them, so that help is instant.
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from forecasting import backtest_cli, fit_cli, publish_cli, service_cli
from forecasting.core.errors import InputError
from forecasting.core.spans import format_span, parse_bin, parse_span
from forecasting.options import (
    calendar_of,
    reporting,
    series_path,
    span_or_off,
    steps_of,
)

app = typer.Typer(
    name="forecast",
    help="Forecast arrivals from access logs and publish the plan that the gateway follows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
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
def ingest(
    logs: Annotated[list[str], typer.Argument(help="Access logs, plain or .gz .bz2 .xz .zst; - is standard input.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for arrivals.csv and quality.json.")],
    width: Annotated[str, typer.Option("--bin", help="Width of a time bin.")] = "5min",
    retry_window: Annotated[
        str, typer.Option(help="The same request of the same client within this span is a retry; 0 turns it off.")
    ] = "10s",
    visit_gap: Annotated[
        str, typer.Option(help="Count a client once until it is silent for this span (such as 30min); 0: off.")
    ] = "0",
    static: Annotated[str | None, typer.Option(help="Pattern of paths that are static files; '' keeps all.")] = None,
    bots: Annotated[str | None, typer.Option(help="Pattern of user agents that are bots; '' keeps all.")] = None,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", help="The log_format string of nginx, where it is not one of the usual."),
    ] = None,
    log_timezone: Annotated[
        str, typer.Option("--log-timezone", help="Time zone of times that name none, such as HAProxy's.")
    ] = "UTC",
) -> None:
    """Read access logs into a clean series of arrivals and a report of what was dropped and why.

    Example: talon forecast ingest access.log.1.gz access.log --out var/data

    Example: talon forecast ingest a.log --out var/data --log-format '$msec $remote_addr "$request" $status'
    """
    import sys

    from forecasting.core.calendar import zone_of
    from forecasting.sources.cleaning import BOTS, STATIC, Rules
    from forecasting.sources.csv_series import write_csv, write_text
    from forecasting.sources.ingest import ingest as read_logs
    from forecasting.sources.log_format import log_pattern
    from forecasting.sources.parsers import LineParser
    from forecasting.views import counter, say, show_quality

    rules = Rules(
        bots=BOTS if bots is None else bots,
        static=STATIC if static is None else static,
        retry_window=span_or_off(retry_window, "--retry-window"),
        visit_gap=span_or_off(visit_gap, "--visit-gap"),
    )
    seconds, salt = parse_bin(width, name="--bin"), os.urandom(16)
    parser = LineParser(log_pattern(log_format) if log_format else None, zone_of(log_timezone, "--log-timezone"))
    with counter("reading") as on_lines:
        found = read_logs(
            logs, sys.stdin.buffer, width=seconds, rules=rules, salt=salt, parser=parser, on_lines=on_lines
        )
    document = found.document()
    write_csv(found.series, out / "arrivals.csv")
    write_text(out / "quality.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    show_quality(document)
    say(f"written: {out / 'arrivals.csv'}, {out / 'quality.json'}")


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

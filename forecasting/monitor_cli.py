"""`talon forecast monitor`: what the forecasts were worth that were really issued."""

import json
from pathlib import Path
from typing import Annotated

import typer

from forecasting.options import Zone, reporting


@reporting
def monitor(
    issued: Annotated[Path, typer.Option("--issued", help="The gateway's forecasts.jsonl, in its data_dir.")],
    model_dir: Annotated[
        Path | None, typer.Option("--model-dir", help="Models, to compare with what their backtest promised.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days that are shown; the last week is judged.")] = 28,
    timezone: Zone = "UTC",
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="Also write them for Prometheus, a .prom file.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Also write the report as an HTML file.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the scores as JSON.")] = None,
) -> None:
    """Score the forecasts that the gateway followed against the visits that came, and say what is wrong.

    Example: talon forecast monitor --issued var/forecasts.jsonl --model-dir var/models --report week.html

    Example: talon forecast monitor --issued var/forecasts.jsonl --metrics /var/lib/node_exporter/talon.prom
    """
    from forecasting.core.calendar import Calendar, zone_of
    from forecasting.monitor import as_document, as_metrics, as_page, watch
    from forecasting.sources.csv_series import write_text
    from forecasting.sources.issued import read_issued
    from forecasting.views import say, show_watched

    zone_of(timezone, "--timezone")
    log, calendar = read_issued(issued), Calendar(zone=timezone)
    found = watch(log, calendar, model_dir, days)
    show_watched(found)
    if log.broken:
        say(f"note: {log.broken} lines of {issued} could not be read")
    if metrics is not None:
        write_text(metrics, as_metrics(found))
    if json_file is not None:
        write_text(json_file, json.dumps(as_document(found), indent=2) + "\n")
    if report is not None:
        write_text(report, as_page(found, calendar))
    if written := [str(path) for path in (metrics, json_file, report) if path is not None]:
        say(f"written: {', '.join(written)}")

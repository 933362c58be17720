"""`talon forecast backtest`: one series, or many in one table."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasting.core.spans import format_span
from forecasting.options import Country, EventsFile, Scheduler, Workers, Zone, calendar_of, reporting, series_paths

if TYPE_CHECKING:
    from forecasting.scoring import Scored


@reporting
def backtest(
    data: Annotated[list[Path], typer.Option("--data", help="A CSV with ds,y, or a folder of them; may be repeated.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Model to score; may be repeated. Default: all.")
    ] = None,
    folds: Annotated[int, typer.Option(min=1, max=200, help="Scored folds.")] = 12,
    horizon: Annotated[
        str, typer.Option(help="How far ahead each fold looks; auto: a day, or an hour for bins under an hour.")
    ] = "24h",
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the scores as JSON.")] = None,
    country: Country = None,
    timezone: Zone = "UTC",
    events: EventsFile = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Score models on forecasts they would have issued in the past; several series make one table.

    Example: talon forecast backtest --data arrivals.csv --model prophet --json scores.json

    Example: talon forecast backtest --data traces/ --horizon auto --country US
    """
    from forecasting.fitting import name_of
    from forecasting.models.catalogue import NAMES, forecaster
    from forecasting.scoring import Job, score_all, score_series
    from forecasting.sources.csv_series import read_csv, write_text
    from forecasting.views import progress, say, show_many, show_scores

    names = tuple(forecaster(name).name for name in (model or NAMES))
    found = {path: read_csv(path) for path in series_paths(data)}
    jobs = [
        Job(
            name=name_of(path), series=series, models=names, horizon=horizon, folds=folds,
            calendar=calendar_of(series, country, timezone, events=events),
        )
        for path, series in found.items()
    ]  # fmt: skip
    if len(jobs) == 1 and scheduler is None:
        with progress("backtest") as advance:
            scored = [score_series(jobs[0], advance)]
        show_scores(scored[0].scores, horizon=format_span(scored[0].horizon))
    else:
        with progress("series") as advance:
            scored = score_all(jobs, workers=workers or os.cpu_count() or 1, scheduler=scheduler, on_series=advance)
        show_many(scored)
    for each in scored:
        for note in each.notes:
            say(f"note: {each.name}: {note}" if len(scored) > 1 else f"note: {note}")
    if json_file is not None:
        write_text(json_file, json.dumps(_document(scored), indent=2) + "\n")


def _document(found: "Sequence[Scored]") -> dict[str, Any]:
    from forecasting.core.summary import summarise
    from forecasting.models.registry import finite

    series = [
        {
            "series": scored.name,
            "bin_seconds": scored.step,
            "horizon": format_span(scored.horizon),
            "scores": [finite(asdict(entry)) for entry in scored.scores],
        }
        for scored in found
    ]
    if len(found) == 1:
        return series[0]
    return {"series": series, "summary": [finite(asdict(each)) for each in summarise([s.scores for s in found])]}

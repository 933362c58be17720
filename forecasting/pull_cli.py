"""`talon forecast pull`: arrivals from Prometheus, where logs are not at hand."""

import time
from pathlib import Path
from typing import Annotated

import typer

from forecasting.core.spans import parse_bin, parse_span
from forecasting.options import instant_of, reporting

QUERY = "sum by (room) (increase(talon_room_admissions_total[$bin]))"


@reporting
def pull(
    prometheus: Annotated[str, typer.Option("--prometheus", help="Address of Prometheus, http://host:9090.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for arrivals.csv and arrivals.parquet.")],
    query: Annotated[str, typer.Option(help="PromQL for the arrivals of a bin; $bin is its width.")] = QUERY,
    since: Annotated[str, typer.Option(help="How far back.")] = "56d",
    width: Annotated[str, typer.Option("--bin", help="Width of a time bin.")] = "5min",
    until: Annotated[str | None, typer.Option(help="Where it ends. Default: now.")] = None,
) -> None:
    """Take series of arrivals from Prometheus; labels room, class and region tell them apart.

    Visits that were refused or gave up are not among admissions: logs tell more of what people wanted.

    Example: talon forecast pull --prometheus http://localhost:9090 --out var/data --since 28d
    """
    import numpy as np

    from forecasting.core.series import Series
    from forecasting.sources.csv_series import write_csv
    from forecasting.sources.prometheus import pull as ask
    from forecasting.sources.table import write_table
    from forecasting.views import say

    step = parse_bin(width, name="--bin")
    end = (time.time() if until is None else instant_of(until)) // step * step
    begin = (end - parse_span(since, name="--since")) // step * step
    found = ask(prometheus, query, begin=begin, end=end, step=step)
    rows = np.array([series.values for series in found.values()])
    values = np.where(np.isnan(rows).all(axis=0), np.nan, np.nansum(rows, axis=0))
    total = Series(start=begin, step=step, values=values)
    write_csv(total, out / "arrivals.csv")
    write_table(found, out / "arrivals.parquet")
    say(f"{len(found)} series, {total.known:,} of {len(total):,} bins known")
    say(f"written: {out / 'arrivals.csv'}, {out / 'arrivals.parquet'}")

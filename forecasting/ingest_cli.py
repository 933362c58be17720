"""`talon forecast ingest`: access logs to series of arrivals."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import parse_bin
from forecasting.options import reporting, span_or_off

if TYPE_CHECKING:
    from forecasting.sources.cleaning import Classify
    from forecasting.sources.ingest import Ingested


Logs = Annotated[
    list[str], typer.Argument(help="Access logs or patterns of them, plain or .gz .bz2 .xz .zst; - is standard input.")
]
Incremental = Annotated[
    bool, typer.Option("--incremental", help="Go on where the last run into --out ended, through rotation too.")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="The gateway's configuration: its rooms and classes tell requests apart."),
]
Count = Annotated[bool, typer.Option("--count", help="Count every line that has a time; clean nothing.")]
RetryWindow = Annotated[
    str, typer.Option(help="The same request of the same client within this span is a retry; 0 turns it off.")
]
RefusalWindow = Annotated[
    str, typer.Option(help="Who was refused (429, 503) and asks again within this span counts once; 0: as a retry.")
]
VisitGap = Annotated[str, typer.Option(help="Count a client once until it is silent for this span; 0: off.")]
Static = Annotated[str | None, typer.Option(help="Pattern of paths that are static files; '' keeps all.")]
Bots = Annotated[str | None, typer.Option(help="Pattern of user agents that are bots; '' keeps all.")]
LogFormat = Annotated[
    str | None, typer.Option("--log-format", help="The log_format string of nginx, where it is not one of the usual.")
]
LogTimezone = Annotated[
    str, typer.Option("--log-timezone", help="Time zone of times that name none, such as HAProxy's.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes that read. Default: the cores there are, up to 8.")
]


@reporting
def ingest(
    context: typer.Context,
    logs: Logs,
    out: Annotated[Path, typer.Option("--out", help="Folder for the series and the quality report.")],
    width: Annotated[str, typer.Option("--bin", help="Width of a time bin.")] = "5min",
    incremental: Incremental = False,
    config: Config = None,
    count: Count = False,
    retry_window: RetryWindow = "10s",
    refusal_window: RefusalWindow = "30min",
    visit_gap: VisitGap = "0",
    static: Static = None,
    bots: Bots = None,
    log_format: LogFormat = None,
    log_timezone: LogTimezone = "UTC",
    workers: Workers = None,
) -> None:
    """Read access logs into clean series of arrivals and a report of what was dropped and why.

    Example: talon forecast ingest access.log.1.gz access.log --out var/data

    Example: talon forecast ingest '/var/log/nginx/access.log*' --out var/data --incremental --config talon.yaml

    Example: talon forecast ingest a.log --out var/data --log-format '$msec $remote_addr "$request" $status'
    """
    from forecasting.core.calendar import zone_of
    from forecasting.sources.cleaning import BOTS, STATIC, Rules
    from forecasting.sources.log_format import log_pattern
    from forecasting.sources.parsers import LineParser
    from forecasting.sources.resume import read_progress, write_progress
    from forecasting.sources.run import HowToRead
    from forecasting.sources.run import ingest as read_logs
    from forecasting.views import counter, say, show_quality

    rules = Rules(
        bots=BOTS if bots is None else bots,
        static=STATIC if static is None else static,
        retry_window=span_or_off(retry_window, "--retry-window"),
        refusal_window=span_or_off(refusal_window, "--refusal-window"),
        visit_gap=span_or_off(visit_gap, "--visit-gap"),
        counting=count,
    )
    how = HowToRead(
        rules=rules,
        salt=os.urandom(16),
        parser=LineParser(log_pattern(log_format) if log_format else None, zone_of(log_timezone, "--log-timezone")),
        classify=_classifier(context.obj, config),
    )
    seconds, state = parse_bin(width, name="--bin"), out / "state.json"
    progress = read_progress(state, seconds) if incremental else None
    with counter("reading") as on_lines:
        found = read_logs(
            _matched(logs),
            sys.stdin.buffer,
            width=seconds,
            how=how,
            workers=workers,
            progress=progress,
            on_lines=on_lines,
        )
    document = found.document()
    names = write_found(found, document, out)
    if progress is not None:
        write_progress(state, progress)  # last: if anything before it fails, the next run reads the same lines again
    show_quality(document)
    say(f"written: {', '.join(str(out / name) for name in names)}")


def write_found(found: "Ingested", document: dict[str, Any], out: Path) -> list[str]:
    """Write series and quality report into a folder; return the names of the files."""
    from forecasting.sources.csv_series import write_csv, write_text
    from forecasting.sources.quality_page import quality_page
    from forecasting.sources.table import write_table

    write_csv(found.series, out / "arrivals.csv")
    write_table(found.groups, out / "arrivals.parquet")
    write_text(out / "quality.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    write_text(out / "quality.html", quality_page(document, found.series))
    return ["arrivals.csv", "arrivals.parquet", "quality.json", "quality.html"]


def _matched(logs: list[str]) -> list[str]:
    """Return the files meant, patterns by name in order of age: the oldest first, as their lines are."""
    found: list[str] = []
    for log in logs:
        if log == "-" or Path(log).exists() or not any(sign in log for sign in "*?["):
            found.append(log)
            continue
        root = Path(log).anchor or "."
        matched = [path for path in Path(root).glob(str(Path(log).relative_to(root))) if path.is_file()]
        if not matched:
            raise InputError(f"{log}: no file has such a name")
        found += [str(path) for path in sorted(matched, key=lambda path: path.stat().st_mtime)]
    return list(dict.fromkeys(found))


def _classifier(classifier_of: Any, config: Path | None) -> "Classify | None":
    """Return what tells rooms and classes apart; the program around this one knows how the gateway does it."""
    if config is None:
        return None
    if classifier_of is None:
        raise InputError(
            "--config: only the command talon knows the gateway's classes; call it as talon forecast ingest"
        )
    found: Classify = classifier_of(config)
    return found

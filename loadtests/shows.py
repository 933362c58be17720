"""How a run is shown while it goes and when it is over: a live line, plain lines, or JSON for a parent
process."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from loadtests.plan import Progress
from loadtests.report import PeakReport


class ProgressStyle(StrEnum):
    """Ways to show progress; auto is live in a terminal and plain elsewhere."""

    AUTO = "auto"
    LIVE = "live"
    PLAIN = "plain"
    JSON = "json"


@contextmanager
def shown(style: ProgressStyle) -> Iterator[Callable[[Progress], None]]:
    """A function that shows a progress; JSON and plain lines go to standard output."""
    if style is ProgressStyle.AUTO:
        style = ProgressStyle.LIVE if sys.stdout.isatty() else ProgressStyle.PLAIN
    if style is ProgressStyle.JSON:
        yield lambda progress: print(progress.to_line(), flush=True)
    elif style is ProgressStyle.PLAIN:
        yield lambda progress: print(sentence(progress), flush=True)
    else:
        from rich.console import Console

        with Console().status("starting") as status:
            yield lambda progress: status.update(sentence(progress))


def sentence(progress: Progress) -> str:
    """A run's standing on one line."""
    return (
        f"{progress.seconds:4.0f} s of {progress.planned:.0f} s: {progress.started} came,"
        f" {progress.waiting} wait, {progress.booked} booked, {progress.gave_up} gave up,"
        f" {progress.active} on their way, {progress.errors} errors"
    )


def summary(report: PeakReport) -> str:
    """A report as a table of two columns."""
    rows = [
        ("visits", str(report.started)),
        ("booked", str(report.booked)),
        ("gave up", str(report.gave_up)),
        ("failed", str(report.failed)),
        ("left the queue", str(report.left)),
        ("unfinished", str(report.unfinished)),
        ("errors per visit", f"{report.errors_per_visit:.2f}"),
        ("reloads", str(report.reloads)),
        ("latency p50, p95", f"{_given(report.latency_p50_ms, ' ms')}, {_given(report.latency_p95_ms, ' ms')}"),
        ("visits that waited", str(report.waited)),
        ("wait p50, p90", f"{_given(report.wait_p50_s, ' s')}, {_given(report.wait_p90_s, ' s')}"),
        ("waits inside the range shown", _given(report.waits_inside)),
        ("waits not above it", _given(report.waits_not_above)),
        ("waiting answers after admission", str(report.waiting_after_admission)),
    ]
    return "\n".join(f"{name:<33}{value}" for name, value in rows)


def _given(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.2f}{unit}" if value < 1 else f"{value:.1f}{unit}"

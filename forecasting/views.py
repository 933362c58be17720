"""What the commands show: tables on standard output, progress on standard error."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from forecasting.core.backtest import Score
from forecasting.core.spans import format_span
from forecasting.core.summary import summarise

if TYPE_CHECKING:
    from forecasting.fitting import Fitted
    from forecasting.monitor import Watched
    from forecasting.scoring import Scored

WIDE = 140
"""Columns of a table of many models where no terminal says how many there are."""


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while work goes on; yields what to call with (done, total)."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(label, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


@contextmanager
def counter(label: str) -> Iterator[Callable[[int], None]]:
    """Show a running count of lines on standard error; yields what to call with the count."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _count: None
        return
    with console.status(label) as status:
        yield lambda count: status.update(f"{label}: {count:,} lines")


def show_quality(document: Mapping[str, Any]) -> None:
    """Print what was read, kept and dropped, with a sample line for each reason."""
    table = Table(title="Lines of the log", title_justify="left")
    table.add_column("")
    table.add_column("lines", justify="right")
    table.add_column("share", justify="right")
    table.add_column("for example", overflow="fold")
    read = document["lines_read"]
    rows = [("read", read, ""), ("kept as arrivals", document["kept"], "")]
    for reason, entry in document["dropped"].items():
        rows.append((f"dropped: {reason}", entry["lines"], (entry["samples"] or [""])[0]))
    for name, lines, sample in rows:
        table.add_row(name, f"{lines:,}", f"{lines / read:.1%}", plain(sample))
    console = Console()
    console.print(table)
    width = format_span(document["bin_seconds"])
    console.print(
        f"{document['bins']:,} bins of {width}, {document['begin']} to {document['end']}; "
        f"{document['gap_bins']:,} of them in {document['gaps_in_all']} gaps without any line",
        highlight=False,
    )
    if document["clock_steps"]:
        console.print(f"the clock stepped back {document['clock_steps']} times", highlight=False)


def show_scores(scores: Sequence[Score], *, horizon: str) -> None:
    """Print the backtest as a table."""
    table = Table(title=f"Rolling origin, {horizon} ahead", title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in ("folds", "WAPE", "ratio", "MASE", "pinball", "covered"):
        table.add_column(name, justify="right")
    for entry in scores:
        numbers = (entry.wape, entry.ratio, entry.mase, entry.pinball)
        shown = ["-" if math.isnan(number) else f"{number:.3f}" for number in numbers]
        covered = "-" if math.isnan(entry.coverage) else f"{entry.coverage:.1%}"
        table.add_row(entry.model, str(entry.folds), *shown, covered)
    Console().print(table)
    say("ratio: WAPE over that of seasonal_naive; covered: share inside the 80 % band")


def show_many(found: "Sequence[Scored]") -> None:
    """Print the ratios of every series, a column a model, and below them what they come to."""
    names = [score.model for score in found[0].scores if score.model != "seasonal_naive"]
    table = Table(title="Rolling origin: WAPE over that of seasonal_naive", title_justify="left")
    for name in ("series", "bin", "ahead"):
        table.add_column(name, overflow="fold")
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    for scored in found:
        ratios = {score.model: score.ratio for score in scored.scores}
        shown = ["-" if math.isnan(ratios[name]) else f"{ratios[name]:.3f}" for name in names]
        table.add_row(plain(scored.name), format_span(scored.step), format_span(scored.horizon), *shown)
    total = Table(title="Over all series", title_justify="left")
    for name in ("model", "series", "ratio", "worst", "below 1", "covered", "least", "most", "under q95"):
        total.add_column(name, justify="left" if name == "model" else "right", no_wrap=name == "model")
    for each in summarise([scored.scores for scored in found]):
        covered = (each.coverage, each.least_coverage, each.most_coverage, each.under_q95)
        shown = [f"{each.ratio:.3f}", f"{each.worst:.3f}", str(each.wins), *(f"{share:.1%}" for share in covered)]
        total.add_row(each.model, str(each.series), *shown)
    console = _wide()
    console.print(table)
    console.print(total)
    say("ratio: geometric mean; covered: share inside the 80 % band, its mean, least and most over the series")


def show_fits(found: "Sequence[Fitted]") -> None:
    """Print what came of each series, and how many were promoted."""
    table = Table(title="Fitted", title_justify="left")
    for name in ("series", "bin", "ratio", "covered", "state"):
        table.add_column(name, overflow="fold")
    for fitted in found:
        own = fitted.scores[-1] if fitted.scores else None
        numbers = ["-" if own is None or math.isnan(own.ratio) else f"{own.ratio:.3f}"]
        numbers += ["-" if own is None else f"{own.coverage:.1%}"]
        state = {"ok": "promoted", "failed": f"failed: {fitted.reason}"}.get(
            fitted.state, f"not promoted: {fitted.reason}"
        )
        table.add_row(plain(fitted.name), format_span(fitted.step), *numbers, plain(state))
    _wide().print(table)
    promoted = sum(fitted.state == "ok" for fitted in found)
    say(f"{len(found)} series fitted, {promoted} promoted")


def plain(text: str) -> str:
    """Return text in which rich sees no markup."""
    return text.replace("[", r"\[")


def say(text: str) -> None:
    """Print one line as it is."""
    Console(soft_wrap=True).print(text, markup=False, highlight=False)


def warn(text: str) -> None:
    """Print one line on standard error, or nothing."""
    if text:
        Console(stderr=True, soft_wrap=True).print(f"talon: {text}", markup=False, highlight=False)


def show_versions(manifests: Sequence[Mapping[str, Any]]) -> None:
    """Print one line for each version: state, model, data, scores, and why it was not promoted."""
    table = Table(title="Versions", title_justify="left")
    for name in ("", "version", "model", "data to", "ratio", "covered", "state"):
        table.add_column(name, no_wrap=name == "version", overflow="fold")
    for manifest in manifests:
        scores: Sequence[Mapping[str, Any]] = manifest.get("scores", ())
        own = next((entry for entry in scores if entry.get("model") == manifest.get("model")), {})
        ratio, covered = own.get("ratio"), own.get("coverage")
        reason = f": {manifest['reason']}" if manifest.get("reason") else ""
        table.add_row(
            "in service" if manifest["in_service"] else "",
            str(manifest["version"]),
            str(manifest.get("model", "-")),
            str(manifest.get("data", {}).get("end", "-")),
            "-" if ratio is None else f"{ratio:.3f}",
            "-" if covered is None else f"{covered:.1%}",
            plain(f"{manifest['state']}{reason}"),
        )
    _wide().print(table)


def show_watched(found: "Sequence[Watched]") -> None:
    """Print the scores of the last week of each room, and what is wrong."""
    table = Table(title="Forecasts of the last week", title_justify="left")
    for name in ("room", "steps", "WAPE", "corrected", "bias", "covered", "under q95", "peak off", "peak error"):
        table.add_column(name, justify="left" if name == "room" else "right")
    for watched in found:
        w = watched.recent
        shares = (w.wape, w.corrected_wape, w.bias, w.coverage, w.under_q95)
        shown = ["-" if math.isnan(share) else f"{share:.1%}" for share in shares]
        peak = "-" if math.isnan(w.peak_off_seconds) else f"{w.peak_off_seconds / 3600:.1f}h"
        error = "-" if math.isnan(w.peak_error) else f"{w.peak_error:.1%}"
        table.add_row(plain(watched.room), str(w.steps), *shown, peak, error)
    _wide().print(table)
    for watched in found:
        for alarm in watched.alarms:
            say(f"alarm: {watched.room}: {alarm}")


def _wide() -> Console:
    """Return the console for tables that a pipe's 80 columns would cut."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)

"""What the demo shows while it runs: a live panel in a terminal, plain lines elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from loadtests.plan import Progress
from talon.demo.watch import Watched

PLAIN_EVERY = 5.0


class Screen:
    """Prints steps and progress; `headless` or a pipe gets a plain line every few seconds."""

    def __init__(self, console: Console, *, headless: bool) -> None:
        self.console = console
        self._plain = headless or not console.is_terminal
        self._live: Live | None = None
        self._said = 0.0

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_live()

    def step(self, text: str) -> None:
        """Say what begins now."""
        self._stop_live()
        self.console.print(text, highlight=False, soft_wrap=True)

    def progress(self, now: Progress, seen: Watched | None) -> None:
        """Show where the peak stands."""
        if self._plain:
            if time.monotonic() - self._said >= PLAIN_EVERY or now.last:
                self._said = time.monotonic()
                self.console.print(f"  {_figures(now)}{_gateway(seen)}", highlight=False, soft_wrap=True)
            return
        if self._live is None:
            self._live = Live(console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        bar = ProgressBar(total=max(now.planned, 1.0), completed=min(now.seconds, now.planned), width=60)
        shown = Table.grid()
        for row in (bar, _figures(now), _gateway(seen).strip(" ;")):
            shown.add_row(row)
        self._live.update(shown)

    def _stop_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _figures(now: Progress) -> str:
    return (
        f"{now.seconds:5.1f} s  came {now.started:5,}  waiting {now.waiting:5,}  booked {now.booked:5,}  "
        f"gave up {now.gave_up + now.failed:4,}  errors {now.errors:5,}"
    )


def _gateway(seen: Watched | None) -> str:
    if seen is None or not seen.rooms:
        return ""
    room = seen.rooms[0]
    pools = ", ".join(f"{pool['name']} {pool['state']}" for pool in seen.pools)
    return f"  ; letting in {room['admission_rate']:.1f}/s ({room['reason']}), inside {room['inside']}, {pools}"

"""The table at the end: the same morning without and with the gateway."""

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from talon.demo.morning import Morning
from talon.demo.peaks import Peak
from talon.demo.plan import CAPACITY, PEAK


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Figures of one peak; shares are of the visits that the named backends could finish in the rush."""

    arrived: int
    booked: int
    share_primary: float
    share_all: float
    latency_p95_ms: float | None
    errors_per_visit: float
    wait_p50_s: float | None
    wait_p90_s: float | None
    waits_inside: float | None
    sent_back: int
    double_bookings: int
    backup: str


def summarise(peak: Peak, played: Morning) -> Summary:
    """Count what happened in the rush: while more visits came than all backends together can finish."""
    first, last = played.rush()
    begin, end = round(peak.report.began + first), round(peak.report.began + last)
    booked = peak.report.booked_between(begin, end)
    possible = CAPACITY * (end - begin)
    arrived = sum(count for second, count in peak.report.arrivals if begin <= second < end)
    return Summary(
        arrived=arrived,
        booked=booked,
        share_primary=booked / possible,
        share_all=booked / (possible * len(peak.backends)),
        latency_p95_ms=peak.report.latency_p95_ms,
        errors_per_visit=peak.report.errors_per_visit,
        wait_p50_s=peak.report.wait_p50_s,
        wait_p90_s=peak.report.wait_p90_s,
        waits_inside=peak.report.waits_inside,
        sent_back=peak.report.waiting_after_admission,
        double_bookings=sum(stats["double_bookings"] for stats in peak.backends),
        backup=_backup(peak, begin),
    )


def _backup(peak: Peak, rush: float) -> str:
    seen = peak.watched
    if seen is None:
        return "none there"
    if seen.opened_at is None:
        return "stayed closed"
    moment = rush - seen.opened_at
    when = f"{moment:.0f} s before the rush" if moment >= 0 else f"{-moment:.0f} s into the rush"
    return f"opened {when}, by {seen.opened_why}"


def table(direct: Summary, through: Summary, seconds: float) -> Table:
    """Return the comparison as a table for the terminal."""
    shown = Table(title=f"One morning peak of {PEAK:g} x capacity in {seconds:.0f} s", title_justify="left")
    shown.add_column("in the rush")
    shown.add_column("without gateway", justify="right")
    shown.add_column("through Talon", justify="right")
    for label, read in _ROWS:
        shown.add_row(label, read(direct), read(through))
    return shown


def _number(value: float | None, unit: str, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}{unit}"


_ROWS: tuple[tuple[str, Any], ...] = (
    ("visits that came", lambda s: f"{s.arrived:,}"),
    ("visits booked", lambda s: f"{s.booked:,}"),
    ("booked / capacity of the primary backend", lambda s: f"{s.share_primary:.2f}"),
    ("booked / capacity of all backends there", lambda s: f"{s.share_all:.2f}"),
    ("p95 latency of admitted requests", lambda s: _number(s.latency_p95_ms, " ms")),
    ("errors per visit", lambda s: f"{s.errors_per_visit:.2f}"),
    ("wait in the queue, half of visits", lambda s: _number(s.wait_p50_s, " s")),
    ("wait in the queue, nine of ten", lambda s: _number(s.wait_p90_s, " s")),
    ("waits inside the range first shown", lambda s: "-" if s.waits_inside is None else f"{s.waits_inside:.0%}"),
    ("admitted, then sent back to wait", lambda s: f"{s.sent_back}"),
    ("slots booked twice", lambda s: f"{s.double_bookings}"),
    ("backup", lambda s: s.backup),
)

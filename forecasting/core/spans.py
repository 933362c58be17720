"""Spans and instants as people write them: `5min`, `h`, `2026-11-23T08:00:00Z`."""

import re
from datetime import UTC, datetime

from forecasting.core.errors import InputError

HOUR = 3600.0
DAY = 86400.0
WEEK = 7 * DAY

_UNITS = {
    "ms": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "m": 60.0, "t": 60.0, "minute": 60.0,
    "h": HOUR, "hour": HOUR, "d": DAY, "day": DAY, "w": WEEK, "week": WEEK,
}  # fmt: skip
_SPAN = re.compile(r"(\d+(?:\.\d+)?)?\s*([a-z]+)", re.IGNORECASE)


def parse_span(text: str, *, name: str) -> float:
    """Return the seconds in a span such as `5min`, `h` or `1.5 d`; `name` is the option blamed if it is none."""
    match = _SPAN.fullmatch(text.strip())
    unit = match.group(2).lower() if match else ""
    seconds = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if match is None or seconds is None:
        raise InputError(f"{name}: {text!r} is not a span of time; write for example 5min, 1h or 7d")
    span = float(match.group(1) or 1) * seconds
    if not 0 < span <= 3660 * DAY:
        raise InputError(f"{name}: {text!r} is out of range; it must be above zero and at most ten years")
    return span


def parse_bin(text: str, *, name: str) -> float:
    """Return the width of a time bin in seconds; a bin must divide a day into whole parts."""
    width = parse_span(text, name=name)
    if width < 1 or width > DAY or DAY % width:
        raise InputError(f"{name}: {text!r} does not divide a day evenly; use for example 5min, 15min, h or D")
    return width


def parse_instant(text: str) -> float:
    """Return seconds since the epoch for an ISO 8601 instant (UTC where no offset is given), or ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_instant(seconds: float) -> str:
    """Return an instant as ISO 8601 in UTC, `2026-11-23T08:00:00Z`, to the second unless it has a fraction."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def format_span(seconds: float) -> str:
    """Return a span in the largest unit that gives a whole number, `5min`, `1h`, `28d`."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", 60.0)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.12g}s"

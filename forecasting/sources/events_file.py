"""The file of declared events: openings of slots, campaigns, free days and moved days, as an operator writes them.

Times are local. Every fault is reported with file, entry and key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.events import Events, Occurrence
from forecasting.core.spans import parse_span

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECTIONS = {
    "openings": ("name", "at", "lasts", "days", "dates", "month_days", "since", "until", "factor"),
    "campaigns": ("name", "from", "to", "factor"),
    "free_days": ("date", "name"),
    "moved_days": ("date", "as"),
}
LONGEST_FILE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a file declares, ready to be put into a calendar."""

    events: Events = field(default_factory=Events)
    holidays: Mapping[date, str] = field(default_factory=dict)
    weekdays: Mapping[date, int] = field(default_factory=dict)

    def into(self, calendar: Calendar) -> Calendar:
        """Return the calendar with what is declared; its own holidays stay."""
        return replace(
            calendar,
            holidays={**calendar.holidays, **self.holidays},
            weekdays={**calendar.weekdays, **self.weekdays},
            events=self.events,
        )


def read_events(path: Path, zone: ZoneInfo, *, begin: float, end: float) -> Declared:
    """Read a file; openings that repeat are written out from `begin` to `end`. Raises InputError."""
    try:
        document = yaml.safe_load(path.read_bytes()) or {} if path.stat().st_size <= LONGEST_FILE else None
    except OSError as error:
        raise InputError(f"--events: {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"--events: {path}: not YAML: {error}") from None
    if not isinstance(document, dict) or set(document) - set(SECTIONS):
        raise InputError(f"--events: {path}: expected the sections {', '.join(SECTIONS)}")
    span = (datetime.fromtimestamp(begin, zone).date(), datetime.fromtimestamp(end, zone).date())
    occurrences: list[Occurrence] = []
    factors: dict[str, float] = {}
    holidays: dict[date, str] = {}
    weekdays: dict[date, int] = {}
    for section, number, entry in _entries(document, path):
        place = f"--events: {path}: {section}, entry {number}"
        try:
            match section:
                case "free_days":
                    holidays[_date(entry["date"])] = str(entry.get("name", "a free day"))
                case "moved_days":
                    weekdays[_date(entry["date"])] = _weekday(entry["as"])
                case _:
                    occurrences += _occurrences(section, entry, zone, span)
                    if "factor" in entry:
                        factors[str(entry["name"])] = _factor(entry["factor"])
        except KeyError as error:
            raise InputError(f"{place}: {error.args[0]} is missing") from None
        except (ValueError, TypeError) as error:
            raise InputError(f"{place}: {error}") from None
    try:
        events = Events(occurrences=sorted(occurrences, key=lambda each: each.begin), factors=factors)
    except ValueError as error:
        raise InputError(f"--events: {path}: {error}") from None
    return Declared(events=events, holidays=holidays, weekdays=weekdays)


def _entries(document: Mapping[str, Any], path: Path) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for section, entries in document.items():
        if not isinstance(entries, list):
            raise InputError(f"--events: {path}: {section}: expected a list of entries")
        for number, entry in enumerate(entries, 1):
            if not isinstance(entry, dict) or set(entry) - set(SECTIONS[section]):
                wanted = ", ".join(SECTIONS[section])
                raise InputError(f"--events: {path}: {section}, entry {number}: expected the keys {wanted}")
            yield section, number, entry


def _occurrences(
    section: str, entry: Mapping[str, Any], zone: ZoneInfo, span: tuple[date, date]
) -> Iterator[Occurrence]:
    name = str(entry["name"])
    if section == "campaigns":
        yield Occurrence(name=name, begin=_instant(entry["from"], zone), end=_instant(entry["to"], zone))
        return
    at, lasts = _clock(entry["at"]), parse_span(str(entry["lasts"]), name="lasts")
    for day in _days(entry, span):
        begin = datetime.combine(day, at, zone).timestamp()
        yield Occurrence(name=name, begin=begin, end=begin + lasts)


def _days(entry: Mapping[str, Any], span: tuple[date, date]) -> list[date]:
    """Return the days of an opening: those listed, or all in the span that are of its weekdays or days of the month."""
    if "dates" in entry:
        return [_date(day) for day in entry["dates"]]
    if "days" not in entry and "month_days" not in entry:
        raise ValueError("expected days (of the week), month_days or dates")
    weekdays = {_weekday(day) for day in entry.get("days", ())}
    month_days = {int(day) for day in entry.get("month_days", ())}
    first = max(span[0], _date(entry["since"])) if "since" in entry else span[0]
    last = min(span[1], _date(entry["until"])) if "until" in entry else span[1]
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in every if day.weekday() in weekdays or day.day in month_days]


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _weekday(value: Any) -> int:
    name = str(value).lower()[:3]
    if name not in WEEKDAYS:
        raise ValueError(f"{value!r} is not a day of the week; write one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(name)


def _clock(value: Any) -> time:
    if isinstance(value, int):  # YAML reads 7:30 as a number to the base of sixty
        return time(value // 60 % 24, value % 60)
    return time.fromisoformat(str(value))


def _instant(value: Any, zone: ZoneInfo) -> float:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is not None:
        return moment.astimezone(UTC).timestamp()
    return moment.replace(tzinfo=zone).timestamp()


def _factor(value: Any) -> float:
    factor = float(value)
    if not 0.1 <= factor <= 20:
        raise ValueError(f"factor must be in 0.1 to 20, got {value}")
    return factor

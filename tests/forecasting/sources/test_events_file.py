from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.sources.events_file import Declared, read_events

BERLIN = ZoneInfo("Europe/Berlin")
EXAMPLE = Path(__file__).parents[3] / "config" / "events.yaml"


def read(path: Path, begin: str = "2026-10-01", end: str = "2026-12-01") -> Declared:
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() for day in (begin, end))
    return read_events(path, BERLIN, begin=first, end=last)


def test_the_example_is_read_whole() -> None:
    """Mondays at half past seven local time, before and after the clocks change; campaign, free and moved days."""
    found = read(EXAMPLE)
    releases = [each for each in found.events.occurrences if each.name == "monday release"]
    local = [datetime.fromtimestamp(each.begin, BERLIN) for each in releases]
    assert len(local) == 9
    assert {(at.weekday(), at.hour, at.minute) for at in local} == {(0, 7, 30)}
    assert {at.utcoffset() for at in local} == {at.utcoffset() for at in (local[0], local[-1])}
    assert found.events.factors == {"monday release": 3.0, "flu vaccination": 1.5}
    assert found.weekdays == {date(2026, 11, 7): 0, date(2026, 11, 9): 6}
    calendar = found.into(Calendar(holidays={date(2026, 10, 3): "unity"}))
    assert set(calendar.holidays) == {date(2026, 10, 3), date(2026, 8, 8)}


def test_openings_by_date_and_by_day_of_the_month(tmp_path: Path) -> None:
    """Listed dates count wherever they lie; days of the month within the span, since and until."""
    path = tmp_path / "e.yaml"
    path.write_text(
        "openings:\n"
        "  - {name: a, at: 7:30, lasts: 1h, dates: [2025-01-02]}\n"
        "  - {name: b, at: '08:00', lasts: 30min, month_days: [1, 15], since: 2026-10-10, until: 2026-11-10}\n"
    )
    days = [(each.name, datetime.fromtimestamp(each.begin, BERLIN)) for each in read(path).events.occurrences]
    assert [(name, at.date(), at.hour) for name, at in days] == [
        ("a", date(2025, 1, 2), 7), ("b", date(2026, 10, 15), 8), ("b", date(2026, 11, 1), 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("openings: [", "not YAML"),
        ("parties: []", "expected the sections openings, campaigns, free_days, moved_days"),
        ("openings: 3", "openings: expected a list of entries"),
        ("openings: [{name: a, when: 3}]", "openings, entry 1: expected the keys name, at, lasts"),
        ("openings: [{name: a, lasts: 1h, days: [mon]}]", "openings, entry 1: at is missing"),
        ("openings: [{name: a, at: '07:30', lasts: 1h}]", "expected days (of the week), month_days or dates"),
        (
            "openings: [{name: a, at: '07:30', lasts: 1h, days: [noday]}]",
            "openings, entry 1: 'noday' is not a day of the week",
        ),
        ("openings: [{name: a, at: '7 o', lasts: 1h, days: [mon]}]", "openings, entry 1: Invalid isoformat string"),
        ("openings: [{name: a, at: '07:30', lasts: long, days: [mon]}]", "lasts: 'long' is not a span of time"),
        ("campaigns: [{name: a, from: 2026-10-02, to: 2026-10-01}]", "an event ends after its begin"),
        ("campaigns: [{name: a, from: 2026-10-01, to: 2026-10-02, factor: 99}]", "factor must be in 0.1 to 20, got 99"),
        ("moved_days: [{date: 2026-13-01, as: mon}]", "not YAML: month must be in 1..12"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """File, section, entry and what was expected."""
    path = tmp_path / "e.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read(path)
    assert "e.yaml" in str(error.value)
    assert said in str(error.value)

"""Instants of openings: zones, weekdays, dates, and the two days on which clocks are changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.core.known_openings import OpeningRule
from gateway.opening_times import opening_now, openings_around

BERLIN, MOSCOW = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Moscow")


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def instants(rule: OpeningRule, zone: ZoneInfo, now: str) -> list[str]:
    found = openings_around([rule], zone, utc(now))
    return [datetime.fromtimestamp(o.opens_at, UTC).strftime("%m-%d %H:%M:%S") for o in found]


def test_every_day_is_at_the_same_local_time() -> None:
    """07:30 in Moscow is 04:30 UTC, from yesterday to the day after tomorrow of the zone's own date."""
    rule = OpeningRule(at="07:30")
    assert instants(rule, MOSCOW, "2026-11-25T22:30") == [f"11-{day} 04:30:00" for day in (25, 26, 27, 28)]


def test_weekdays_and_dates_are_those_of_the_zone() -> None:
    """A Monday in Moscow begins on Sunday evening UTC; a date is one opening and no other."""
    assert instants(OpeningRule(at="00:15", days=("mon",)), MOSCOW, "2026-11-29T20:00") == ["11-29 21:15:00"]
    assert instants(OpeningRule(at="07:30:05", date="2026-12-01"), MOSCOW, "2026-12-01T04:00") == ["12-01 04:30:05"]
    assert instants(OpeningRule(at="07:30", date="2026-12-24"), MOSCOW, "2026-12-01T04:00") == []


def test_an_opening_keeps_its_local_time_when_clocks_change() -> None:
    """Before and after the change 07:30 is 07:30 on the wall, so another instant in UTC."""
    assert instants(OpeningRule(at="07:30"), BERLIN, "2026-03-28T12:00") == [
        "03-27 06:30:00",
        "03-28 06:30:00",
        "03-29 05:30:00",
        "03-30 05:30:00",
    ]


def test_a_time_that_is_skipped_opens_an_hour_later_by_the_clock() -> None:
    """02:30 does not exist on the day clocks go forward: it opens when they show 03:30."""
    assert "03-29 01:30:00" in instants(OpeningRule(at="02:30"), BERLIN, "2026-03-29T00:00")


def test_a_time_that_comes_twice_opens_the_first_time_only() -> None:
    """02:30 comes twice on the day clocks go back: it opens in summer time, once."""
    found = instants(OpeningRule(at="02:30"), BERLIN, "2026-10-25T00:00")
    assert [one for one in found if one.startswith("10-25")] == ["10-25 00:30:00"]


@pytest.mark.parametrize(
    ("now", "on"),
    [
        ("2026-11-25T04:14:59", False),
        ("2026-11-25T04:15", True),
        ("2026-11-25T04:29:59", True),
        ("2026-11-25T04:30", False),
    ],
)
def test_the_pre_queue_begins_before_the_opening(now: str, on: bool) -> None:
    """A quarter of an hour before 07:30 it begins, at 07:30 it is over."""
    opening = opening_now([OpeningRule(at="07:30")], "Europe/Moscow", utc(now))
    assert (opening is not None) is on
    assert opening is None or opening.opens_at == utc("2026-11-25T04:30")


def test_a_pre_queue_over_midnight_is_found() -> None:
    """At 23:50 the pre-queue for 00:05 is on; without rules there is none."""
    opening = opening_now([OpeningRule(at="00:05")], "UTC", utc("2026-11-25T23:50"))
    assert opening is not None
    assert opening.opens_at == utc("2026-11-26T00:05")
    assert opening_now([], "UTC", utc("2026-11-25T23:50")) is None

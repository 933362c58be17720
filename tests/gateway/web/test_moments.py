"""Points in time: read from operators and backends, shown to people with their zone."""

from datetime import UTC, datetime

import pytest

from gateway.core.supply import SlotsSaid
from gateway.web.moments import read_moment, read_slots, show_moment

ZONE = "Europe/Moscow"
NOW = datetime(2027, 1, 11, 4, 0, tzinfo=UTC).timestamp()  # 07:00 in Moscow
HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("07:30", 0.5),
        (" 07:30 ", 0.5),
        ("06:30", 23.5),
        ("07:00", 24.0),
        ("2027-01-11T08:00:00+03:00", 1.0),
        ("2027-01-11T05:00:00Z", 1.0),
    ],
)
def test_a_time_is_read_in_the_zone_of_the_site(text: str, hours: float) -> None:
    """HH:MM is the next such time of day, today or tomorrow; RFC 3339 names its own zone."""
    assert read_moment(text, ZONE, NOW) == NOW + hours * HOUR


@pytest.mark.parametrize("text", ["", "soon", "7:30", "25:00", "07:60", "2027-01-11T08:00:00", "ab:cd", "9" * 100])
def test_what_is_no_time_is_refused(text: str) -> None:
    """No guess is made: a time without a zone, or out of range, is an error."""
    with pytest.raises(ValueError, match=r"."):
        read_moment(text, ZONE, NOW)


def test_times_are_shown_with_their_zone() -> None:
    """Today's as hours and minutes, another day's with the date, an unknown one not at all."""
    assert show_moment(NOW + HOUR, ZONE, NOW) == "08:00 MSK"
    assert show_moment(NOW + 24.5 * HOUR, ZONE, NOW) == "2027-01-12 07:30 MSK"
    assert show_moment(0.0, ZONE, NOW) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("none", SlotsSaid(left=False)),
        (" None ", SlotsSaid(left=False)),
        ("some", SlotsSaid(left=True)),
        ("none; until=07:30", SlotsSaid(left=False, back_at=NOW + 0.5 * HOUR)),
        ('none;until="2027-01-11T08:00:00+03:00"', SlotsSaid(left=False, back_at=NOW + HOUR)),
        ("none; until=soon", SlotsSaid(left=False)),
        ("none; colour=red", SlotsSaid(left=False)),
        ("", None),
        ("nonesuch", None),
        ("7", None),
    ],
)
def test_the_backends_word_on_slots(value: str, said: SlotsSaid | None) -> None:
    """`none` and `some` count, with or without a time; anything else is no word."""
    assert read_slots(value, ZONE, NOW) == said

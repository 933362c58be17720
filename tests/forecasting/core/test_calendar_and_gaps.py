from datetime import date

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.gaps import silent_gaps
from forecasting.core.spans import HOUR, parse_instant


def test_slots_follow_local_time_across_the_change_of_clocks() -> None:
    """Nine in the morning in Berlin is the same slot before and after the clocks change."""
    times = np.array([parse_instant("2026-10-19T07:00Z"), parse_instant("2026-10-26T08:00Z")])
    assert Calendar(zone="Europe/Berlin").slots(times, HOUR).tolist() == [9, 9]
    assert Calendar().slots(times, HOUR).tolist() == [7, 8]


def test_a_holiday_counts_as_a_sunday() -> None:
    """Christmas on a Friday is free, the Thursday before is not."""
    times = np.array([parse_instant("2026-12-25T10:00Z"), parse_instant("2026-12-24T10:00Z")])
    calendar = Calendar(holidays={date(2026, 12, 25): "Christmas Day"})
    assert calendar.slots(times, HOUR).tolist() == [6 * 24 + 10, 3 * 24 + 10]
    assert calendar.is_weekend(times).tolist() == [True, False]


def test_an_hour_of_silence_at_noon_is_a_gap_and_every_quiet_night_is_not() -> None:
    """Silence is suspicious only where lines were to be expected."""
    minutes = np.arange(3 * 288)
    busy = (minutes % 288 >= 96) & (minutes % 288 < 216)
    lines = np.where(busy, 10.0, 0.0)
    noon = slice(288 + 144, 288 + 156)
    lines[noon] = 0
    gaps = silent_gaps(lines, start=0.0, step=300.0)
    assert gaps[noon].all()
    assert np.count_nonzero(gaps) == 12

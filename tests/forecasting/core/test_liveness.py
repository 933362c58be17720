from dataclasses import replace

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.liveness import closed_slots, live_bins, recent_level
from forecasting.core.series import Series
from tests.forecasting.made import shaped


def changed(series: Series, first: int, last: int, value: float) -> Series:
    """Return the series with bins `first..last` set to a value."""
    values = series.values.copy()
    values[first:last] = value
    return replace(series, values=values)


def test_a_zero_filled_outage_is_dead_and_the_rest_is_live() -> None:
    """Five hours of zeros on a busy Wednesday are found, and nothing else is."""
    start = 9 * 24 + 8
    live = live_bins(changed(shaped(days=28), start, start + 5, 0.0), Calendar())
    assert np.flatnonzero(~live).tolist() == list(range(start, start + 5))


def test_a_day_far_below_its_kind_is_dead() -> None:
    """A Tuesday at a tenth of its volume is left out as a whole."""
    series = shaped(days=28)
    values = series.values.copy()
    values[8 * 24 : 9 * 24] = np.floor(values[8 * 24 : 9 * 24] / 10)
    live = live_bins(replace(series, values=values), Calendar())
    assert not live[8 * 24 : 9 * 24].any()
    assert live[: 8 * 24].all()


def test_zeros_are_ordinary_where_arrivals_are_sparse() -> None:
    """With less than one arrival an hour no silence is called an outage or a closed slot."""
    series = shaped(days=42, peak=0.9)
    assert live_bins(series, Calendar()).all()
    assert not closed_slots(series, Calendar()).any()


def test_slots_empty_week_after_week_are_closed() -> None:
    """Nights without a single arrival are closed; busy hours are not."""
    series = shaped(days=28)
    night = np.arange(len(series)) % 24 < 5
    closed = closed_slots(replace(series, values=np.where(night, 0.0, series.values)), Calendar())
    assert np.flatnonzero(closed).tolist() == [hour for hour in range(168) if hour % 24 < 5]


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_the_level_follows_the_last_three_days_but_not_one_of_them(factor: float) -> None:
    """Days at a multiple give that multiple, even when the very last one was nearly empty."""
    fitted = np.full(240, 100.0)
    actual = fitted.copy()
    actual[-72:] *= factor
    actual[-24:] = 5.0
    level = recent_level(actual, fitted, np.ones(240, dtype=bool), per_day=24)
    assert level == pytest.approx(factor, rel=0.01)


def test_a_few_arrivals_hardly_move_the_level() -> None:
    """Twice as many where two were expected is chance."""
    few = np.full(72, 2 / 24)
    assert recent_level(few * 2, few, np.ones(72, dtype=bool), per_day=24) < 1.15

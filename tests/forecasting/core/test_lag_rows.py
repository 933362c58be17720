"""Rows of lags: only what was known at the origin, whatever the step and however far ahead."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.calendar import Calendar
from forecasting.core.lag_rows import LagRows
from tests.forecasting.made import shaped


@given(st.integers(400, 800), st.integers(1, 400), st.sampled_from([900.0, 3600.0, 86400.0]))
def test_what_comes_at_or_after_the_origin_changes_no_row(origin: int, lead: int, step: float) -> None:
    """A history that goes on in another way gives the same features; the usual value looks a day back at most."""
    series = shaped(days=round(900 * step / 86400) + 1, step=step)
    values = series.values.copy()
    values[origin:] = values[origin:] * 3 + 17
    lead = min(lead, round(86400 / step) or 1)
    origins, targets = np.array([origin]), np.array([origin + lead - 1])
    rows = [LagRows(each, Calendar()) for each in (series, replace(series, values=values))]
    one, other = (each.features(origins, targets) for each in rows)
    assert np.array_equal(one, other, equal_nan=True)
    assert rows[0].usual(targets) == rows[1].usual(targets)


def test_the_usual_value_is_the_mean_of_four_weeks_over_gaps() -> None:
    """Weeks that are not known do not count; where no lag is known there is no usual value."""
    series = shaped(days=35)
    values = series.values.copy()
    values[-168] = np.nan
    rows = LagRows(replace(series, values=values), Calendar(), upto=len(series) + 1)
    expected = np.mean([values[len(series) - 168 * week] for week in (2, 3, 4)])
    assert rows.usual(np.array([len(series)]))[0] == pytest.approx(expected)
    empty = LagRows(replace(series, values=np.full(len(series), np.nan)), Calendar())
    assert np.isnan(empty.usual(np.array([5]))[0])

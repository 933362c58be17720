import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.series import Forecast, Series


@given(
    st.lists(st.floats(0, 1e5) | st.just(float("nan")), min_size=1, max_size=80),
    st.integers(0, 11),
)
def test_sums_over_wider_bins_equal_a_plain_loop(values: list[float], lead: int) -> None:
    """An hour is the sum of its five-minute bins, scaled up where some are gaps, a gap below half."""
    series = Series(start=3600.0 * 24 + lead * 300, step=300.0, values=np.array(values))
    hourly = series.summed(3600.0)
    assert hourly.start % 3600 == 0
    for index, total in enumerate(hourly.values):
        begin = hourly.start + index * 3600
        inside = [v for at, v in zip(series.times, values, strict=True) if begin <= at < begin + 3600]
        known = [v for v in inside if v == v]
        if len(known) < 6:
            assert np.isnan(total)
        else:
            assert total == pytest.approx(sum(known) * 12 / len(known))


def test_a_series_refuses_what_is_no_count() -> None:
    """Negative and infinite arrivals are refused; gaps are not."""
    assert Series(start=0, step=60, values=np.array([1.0, np.nan])).known == 1
    for bad in (-1.0, np.inf):
        with pytest.raises(ValueError, match="arrivals must be finite and not negative"):
            Series(start=0, step=60, values=np.array([bad]))


def test_a_series_cannot_be_changed_from_outside() -> None:
    """Values are copied in and read-only."""
    values = np.array([1.0, 2.0])
    series = Series(start=0, step=60, values=values)
    values[0] = 9
    assert series.values[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 3


def test_a_forecast_refuses_quantiles_that_fall() -> None:
    """Quantiles in the wrong order are a fault of the caller."""
    one = np.ones(1)
    with pytest.raises(ValueError, match="must not fall"):
        Forecast(times=one, step=60, q10=one, q50=one * 2, q90=one, q95=one * 3)

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting.core.intervals import POISSON, calibrate

COUNTS = st.floats(0, 1e7)


@given(
    arrays(np.float64, st.integers(0, 120), elements=COUNTS | st.just(float("nan"))),
    arrays(np.float64, 30, elements=st.floats(-100, 1e7)),
    st.integers(0, 1000),
)
def test_quantiles_are_ordered_and_not_negative(actual: np.ndarray, point: np.ndarray, seed: int) -> None:
    """Whatever was learned, 0 <= q10 <= q50 <= q90 <= q95."""
    past = np.random.default_rng(seed).uniform(0, 1e4, len(actual))
    forecast = calibrate(actual, past).forecast(np.arange(30.0), 3600.0, point)
    ladder = np.vstack([np.zeros(30), forecast.q10, forecast.q50, forecast.q90, forecast.q95])
    assert np.all(np.diff(ladder, axis=0) >= 0)


def test_the_band_covers_what_it_says_on_unseen_arrivals() -> None:
    """Learned from noise that grows with the level, the 80 % band covers 75 to 85 % of new arrivals."""
    chance = np.random.default_rng(3)
    level = chance.uniform(5, 2000, 4000)
    actual = chance.poisson(level * np.exp(0.15 * chance.normal(size=4000))).astype(float)
    band = calibrate(actual[:400], level[:400]).forecast(np.arange(3600.0), 3600.0, level[400:])
    inside = np.mean((actual[400:] >= band.q10) & (actual[400:] <= band.q90))
    assert 0.75 <= inside <= 0.85
    assert 0.92 <= np.mean(actual[400:] <= band.q95) <= 0.98


def test_with_few_errors_the_band_is_that_of_poisson_noise() -> None:
    """Nineteen errors are not enough to learn a band from."""
    assert calibrate(np.ones(19), np.ones(19)) is POISSON

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core import metrics

VALUES = st.floats(0, 1e6, allow_nan=False)
PAIRS = st.lists(st.tuples(VALUES | st.just(math.nan), VALUES), min_size=1, max_size=60)


@given(PAIRS)
def test_wape_equals_a_plain_loop(pairs: list[tuple[float, float]]) -> None:
    """WAPE is the sum of errors over the sum of actuals, gaps left out."""
    known = [(a, p) for a, p in pairs if not math.isnan(a)]
    total = sum(a for a, _ in known)
    got = metrics.wape(*map(np.array, zip(*pairs, strict=True)))
    if total > 0:
        assert math.isclose(got, sum(abs(a - p) for a, p in known) / total, rel_tol=1e-9, abs_tol=1e-12)
    else:
        assert math.isnan(got)


@given(PAIRS, st.floats(0.01, 0.99))
def test_pinball_equals_a_plain_loop(pairs: list[tuple[float, float]], level: float) -> None:
    """The pinball loss charges `level` per arrival too few and 1 - level per arrival too many."""
    losses = [level * (a - q) if a > q else (1 - level) * (q - a) for a, q in pairs if not math.isnan(a)]
    got = metrics.pinball(*map(np.array, zip(*pairs, strict=True)), level=level)
    if losses:
        assert math.isclose(got, sum(losses) / len(losses), rel_tol=1e-9, abs_tol=1e-9)
    else:
        assert math.isnan(got)


@given(PAIRS, st.floats(0, 1e5))
def test_coverage_equals_a_plain_loop(pairs: list[tuple[float, float]], half: float) -> None:
    """Coverage is the share of known actuals inside the band, its edges included."""
    actual, point = map(np.array, zip(*pairs, strict=True))
    inside = [p - half <= a <= p + half for a, p in pairs if not math.isnan(a)]
    got = metrics.coverage(actual, point - half, point + half)
    assert math.isnan(got) if not inside else math.isclose(got, sum(inside) / len(inside))


@given(st.lists(VALUES, min_size=3, max_size=40), st.integers(1, 5))
def test_seasonal_scale_equals_a_plain_loop(history: list[float], season: int) -> None:
    """The scale of MASE is the mean step from season to season."""
    steps = [abs(b - a) for a, b in zip(history, history[season:], strict=False)]
    got = metrics.seasonal_scale(np.array(history), season)
    assert math.isnan(got) if not steps else math.isclose(got, sum(steps) / len(steps), abs_tol=1e-9)


def test_mase_of_the_naive_forecast_on_its_own_history_is_one() -> None:
    """A forecast as wrong as the seasonal step scores exactly 1."""
    history = np.array([1.0, 5.0, 2.0, 8.0, 3.0])
    scale = metrics.seasonal_scale(history, 1)
    assert math.isclose(metrics.mase(history[1:], history[:-1], scale=scale), 1.0)
    assert math.isnan(metrics.mase(history, history, scale=float("nan")))

"""Errors of forecasts: WAPE, MASE, pinball loss, coverage. Gaps (NaN) in the actuals do not count."""

import numpy as np

from forecasting.core.series import FloatArray


def wape(actual: FloatArray, point: FloatArray) -> float:
    """Return sum |error| / sum actual; NaN where nothing arrived."""
    known = ~np.isnan(actual)
    total = float(np.sum(actual[known]))
    return float(np.sum(np.abs(actual[known] - point[known]))) / total if total > 0 else float("nan")


def mase(actual: FloatArray, point: FloatArray, *, scale: float) -> float:
    """Return the mean |error| over `scale`, the mean step from season to season in the history."""
    known = ~np.isnan(actual)
    if not known.any() or not scale > 0:
        return float("nan")
    return float(np.mean(np.abs(actual[known] - point[known]))) / scale


def seasonal_scale(history: FloatArray, season: int) -> float:
    """Return the mean |difference| between values `season` apart, the denominator of MASE."""
    if len(history) <= season:
        return float("nan")
    steps = np.abs(history[season:] - history[:-season])
    steps = steps[~np.isnan(steps)]
    return float(np.mean(steps)) if len(steps) else float("nan")


def pinball(actual: FloatArray, quantile: FloatArray, *, level: float) -> float:
    """Return the mean quantile loss at `level`: an underestimate costs `level`, an overestimate 1 - level."""
    known = ~np.isnan(actual)
    if not known.any():
        return float("nan")
    error = actual[known] - quantile[known]
    return float(np.mean(np.maximum(level * error, (level - 1) * error)))


def coverage(actual: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Return the share of actuals inside `[low, high]`."""
    known = ~np.isnan(actual)
    if not known.any():
        return float("nan")
    inside = (actual[known] >= low[known]) & (actual[known] <= high[known])
    return float(np.mean(inside))

"""Bands from the errors of forecasts actually issued (split conformal, scaled by level).

Raw model bands are wrong by as much as 0.3 of coverage either way, so none are used. Forecasts are
issued at past cutoffs, and their errors are divided by a spread that grows with the level,
`spread(p) = scale * (p + 1) ** power`: Poisson noise gives a power near 0.5, day-to-day swings in
level one near 1; both numbers are estimated. Order statistics of the scaled errors with the usual
(n + 1) correction then give the band. Invariant: 0 <= q10 <= q50 <= q90 <= q95.
"""

from dataclasses import dataclass, replace

import numpy as np

from forecasting.core.series import FloatArray, Forecast

FEWEST_ERRORS = 20
_NORMAL = (-1.2816, 1.2816, 1.6449)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The spread of errors by level and its quantiles; `errors` counts what it was learned from."""

    scale: float
    power: float
    low: float
    high: float
    top: float
    errors: int

    def __post_init__(self) -> None:
        if not self.scale > 0 or not self.low <= 0 <= self.high <= self.top:
            raise ValueError("a calibration needs scale > 0 and low <= 0 <= high <= top")

    def widened(self, factor: float) -> "Calibration":
        """Return the band times a factor above 0."""
        return replace(self, low=self.low * factor, high=self.high * factor, top=self.top * factor)

    def forecast(self, times: FloatArray, step: float, point: FloatArray) -> Forecast:
        """Put the band around a point forecast."""
        middle = np.maximum(np.asarray(point, dtype=np.float64), 0.0)
        spread = self.scale * (middle + 1.0) ** self.power
        q10 = np.maximum(middle + self.low * spread, 0.0)
        q90, q95 = middle + self.high * spread, middle + self.top * spread
        return Forecast(times=times, step=step, q10=np.minimum(q10, middle), q50=middle, q90=q90, q95=q95)


POISSON = Calibration(scale=1.0, power=0.5, low=_NORMAL[0], high=_NORMAL[1], top=_NORMAL[2], errors=0)


def calibrate(actual: FloatArray, point: FloatArray) -> Calibration:
    """Learn the band from pairs of actual and forecast; with too few of them, the band of Poisson noise."""
    known = ~np.isnan(actual)
    actual, point = actual[known], np.maximum(point[known], 0.0)
    if len(actual) < FEWEST_ERRORS:
        return POISSON
    errors = actual - point
    power = _power(np.abs(errors), point)
    base = (point + 1.0) ** power
    scale = max(float(np.mean(np.abs(errors) / base)), 1e-6)
    scaled = np.sort(errors / (scale * base))
    low = min(_order(scaled, 0.10, up=False), 0.0)
    high = max(_order(scaled, 0.90, up=True), 0.0)
    top = max(_order(scaled, 0.95, up=True), high)
    return Calibration(scale=scale, power=power, low=low, high=high, top=top, errors=len(scaled))


def _power(sizes: FloatArray, point: FloatArray) -> float:
    """Estimate how errors grow with the level from the mean error in eight equal groups by level."""
    order = np.argsort(point, kind="stable")
    groups = [group for group in np.array_split(order, 8) if len(group)]
    levels = np.log([float(np.mean(point[group])) + 1.0 for group in groups])
    errors = np.log([float(np.mean(sizes[group])) + 1e-3 for group in groups])
    if np.ptp(levels) < 0.2:
        return 0.5
    slope = float(np.polyfit(levels, errors, 1)[0])
    return min(max(slope, 0.3), 1.0)


def _order(ranked: FloatArray, level: float, *, up: bool) -> float:
    """Return the order statistic that covers `level` with one more, unseen error."""
    count = len(ranked)
    rank = int(np.ceil((count + 1) * level)) if up else int(np.floor((count + 1) * level))
    return float(ranked[min(max(rank, 1), count) - 1])

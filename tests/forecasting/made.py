"""Series that are made for tests: a known shape with noise from a given seed."""

import numpy as np

from forecasting.core.series import Series
from forecasting.core.spans import DAY, HOUR

MONDAY = 1_793_577_600.0  # 2026-11-02T00:00:00Z


def shaped(*, days: float, step: float = HOUR, peak: float = 200.0, swing: float = 0.1, seed: int = 1) -> Series:
    """Return arrivals with two humps a day, quiet weekends and days that swing in level, from a Monday on."""
    chance = np.random.default_rng(seed)
    times = MONDAY + step * np.arange(round(days * DAY / step), dtype=np.float64)
    rate = usual(times, step=step, peak=peak)
    day = ((times - MONDAY) // DAY).astype(int)
    levels = np.exp(swing * chance.normal(size=int(day.max()) + 1))
    return Series(start=MONDAY, step=step, values=chance.poisson(rate * levels[day]).astype(np.float64))


def usual(times: np.ndarray, *, step: float, peak: float) -> np.ndarray:
    """Return the expected arrivals that `shaped` scatters around."""
    hour, weekday = np.mod(times, DAY) / HOUR, np.mod((times - MONDAY) // DAY, 7)
    humps = 0.05 + np.exp(-((hour - 9) ** 2) / 6) + 0.6 * np.exp(-((hour - 15) ** 2) / 8)
    return np.asarray(peak * step / HOUR * humps * np.where(weekday < 5, 1.0, 0.3))

"""The two values everything here passes around: a series of arrivals and a forecast of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Arrivals per bin on an even grid; `values[i]` covers `[start + i*step, start + (i+1)*step)`, NaN is a gap."""

    start: float
    step: float
    values: FloatArray

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.ndim != 1 or not np.isfinite(self.start) or not self.step > 0:
            raise ValueError("a series has one dimension, a finite start and a step above zero")
        if np.any(np.isinf(values)) or np.any(values < 0):
            raise ValueError("arrivals must be finite and not negative; a gap is NaN")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> FloatArray:
        """Start of every bin, in seconds since the epoch."""
        return self.start + self.step * np.arange(len(self.values), dtype=np.float64)

    @property
    def end(self) -> float:
        """The instant at which the last bin closes."""
        return self.start + self.step * len(self.values)

    @property
    def known(self) -> int:
        """Number of bins that are not gaps."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    def upto(self, index: int, *, at_most: int | None = None) -> "Series":
        """Return bins before `index`, only the last `at_most` of them if given."""
        first = 0 if at_most is None else max(0, index - at_most)
        return Series(start=self.start + first * self.step, step=self.step, values=self.values[first:index])

    def ahead(self, count: int) -> FloatArray:
        """Return the starts of the `count` bins that follow the series."""
        return self.end + self.step * np.arange(count, dtype=np.float64)

    def summed(self, step: float) -> "Series":
        """Return sums over wider bins; a bin less than half known is a gap, else it is scaled up to full."""
        ratio = round(step / self.step)
        if ratio <= 1:
            return self
        origin = np.floor(self.start / step) * step
        lead = round((self.start - origin) / self.step)
        total = -(-(lead + len(self.values)) // ratio) * ratio
        padded = np.full(total, np.nan)
        padded[lead : lead + len(self.values)] = self.values
        rows = padded.reshape(-1, ratio)
        known = np.count_nonzero(~np.isnan(rows), axis=1)
        sums = np.nansum(rows, axis=1) * ratio / np.maximum(known, 1)
        return Series(start=float(origin), step=step, values=np.where(known * 2 >= ratio, sums, np.nan))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Quantiles of arrivals per bin for the bins that start at `times` and last `step` seconds."""

    times: FloatArray
    step: float
    q10: FloatArray
    q50: FloatArray
    q90: FloatArray
    q95: FloatArray

    def __post_init__(self) -> None:
        shape = np.shape(self.times)
        quantiles = (self.q10, self.q50, self.q90, self.q95)
        if len(shape) != 1 or any(np.shape(q) != shape for q in quantiles) or not self.step > 0:
            raise ValueError("a forecast has one value of each quantile per time and a step above zero")
        stacked = np.vstack(quantiles) if shape[0] else np.zeros((4, 0))
        if not np.all(np.isfinite(stacked)) or np.any(stacked < 0) or np.any(np.diff(stacked, axis=0) < 0):
            raise ValueError("quantiles must be finite, not negative, and must not fall")

    def __len__(self) -> int:
        return len(self.times)

"""Seasonal naive: the same bin last week. The bar that every other model has to pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.series import FloatArray, Series
from forecasting.core.spans import DAY, WEEK
from forecasting.models.state import dump_series, load_series

WEEKS_BACK = 4
DAYS_BACK = 7


@dataclass(frozen=True, slots=True)
class SeasonalNaive:
    """Copies the last known value of the same time of the week, else of the day, else the mean."""

    name: str = "seasonal_naive"

    def fit(self, series: Series, calendar: Calendar) -> "SeasonalNaiveFit":
        """Keep the last weeks of the series."""
        kept = round((WEEKS_BACK * WEEK) / series.step)
        return SeasonalNaiveFit(past=series.upto(len(series), at_most=kept))


@dataclass(frozen=True, slots=True)
class SeasonalNaiveFit:
    """The weeks that are copied forward."""

    past: Series

    def predict(self, times: FloatArray) -> FloatArray:
        """Return the value one, two, three or four weeks before each time, whichever is known first."""
        times = np.asarray(times, dtype=np.float64)
        mean = float(np.nanmean(self.past.values)) if self.past.known else 0.0
        result = np.full(len(times), np.nan)
        for season, back in ((WEEK, WEEKS_BACK), (DAY, DAYS_BACK)):
            first = np.maximum(np.ceil((times + self.past.step - self.past.end) / season), 1)
            for extra in range(back):
                missing = np.isnan(result)
                result[missing] = self._at(times[missing] - (first[missing] + extra) * season)
        return np.where(np.isnan(result), mean, result)

    def _at(self, times: FloatArray) -> FloatArray:
        index = np.round((times - self.past.start) / self.past.step).astype(np.int64)
        inside = (index >= 0) & (index < len(self.past))
        return np.where(inside, self.past.values[np.where(inside, index, 0)], np.nan)

    def dump(self) -> Mapping[str, Any]:
        """Return the kept weeks."""
        return {"past": dump_series(self.past)}

    @classmethod
    def load(cls, state: Mapping[str, Any], calendar: Calendar) -> Self:
        """Restore what `dump` returned."""
        return cls(past=load_series(state["past"]))

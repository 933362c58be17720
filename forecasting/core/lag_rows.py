"""What was known of a bin when it was forecast: its lags, how the last hours ran, and the calendar.

The usual value of a bin is the mean of the same bin in the four weeks before it, or of the seven days before where that
is unknown. `run(o, w)` is how the `w` bins before an origin ran against theirs, log((seen + 5) / (usual + 5)): with
few arrivals it says little. Nothing at or after the origin is looked at; lags further ahead than a day are older.
"""

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.series import FloatArray, IntArray, Series
from forecasting.core.spans import DAY, HOUR

PRIOR = 5.0


class LagRows:
    """Gives the features of any (origin, target); both are bin numbers from the begin of the series."""

    def __init__(self, series: Series, calendar: Calendar, *, upto: int = 0) -> None:
        length = max(len(series), upto)
        self._values = np.full(length, np.nan)
        self._values[: len(series)] = series.values
        self._day = max(round(DAY / series.step), 1)
        self._hour = max(round(HOUR / series.step), 1)
        self._fine = series.step < HOUR
        self._usual = self._usual_values()
        times = series.start + series.step * np.arange(length, dtype=np.float64)
        slots = calendar.slots(times, series.step)
        self._moment = np.mod(slots, self._day).astype(np.float64)
        self._weekday = np.floor_divide(slots, self._day).astype(np.float64)
        self._holiday = calendar.is_holiday(times).astype(np.float64) if calendar.holidays else np.zeros(length)
        known = ~np.isnan(self._values) & ~np.isnan(self._usual)
        self._seen = np.concatenate([[0.0], np.cumsum(np.where(known, self._values, 0.0))])
        self._expected = np.concatenate([[0.0], np.cumsum(np.where(known, self._usual, 0.0))])

    def usual(self, targets: IntArray) -> FloatArray:
        """Return the usual value of each target, NaN where none of its lags is known."""
        return self._usual[targets]

    def features(self, origins: IntArray, targets: IntArray) -> FloatArray:
        """Return a row of numbers, NaN for what is not known, for each origin and target."""
        lead = targets - origins + 1
        day = targets - -(-lead // self._day) * self._day
        week = targets - -(-lead // (7 * self._day)) * 7 * self._day
        level = np.log1p(self._usual[targets])
        columns = [
            level,
            self._lag(day) - level,
            self._lag(day - self._day) - level,
            self._lag(week) - level,
            self._lag(week - 7 * self._day) - level,
            self._lag(day) - np.log1p(self._usual[np.maximum(day, 0)]),
            *(self._run(origins, width) for width in self._widths()),
            self._moment[targets],
            self._weekday[targets],
            self._holiday[targets],
            self._holiday[np.maximum(day, 0)],
            self._holiday[np.maximum(week, 0)],
            lead.astype(np.float64),
        ]
        if self._fine:
            columns += [self._lag(day - 1) - level, self._lag(np.where(lead % self._day == 0, day, day + 1)) - level]
        return np.column_stack(columns)

    def _widths(self) -> list[int]:
        hours = [width * self._hour for width in (2, 6)]
        days = [width * self._day for width in (1, 3, 7)]
        return [1, max(1, self._hour // 2), self._hour, *hours, *days] if self._fine else [*hours, *days]

    def _usual_values(self) -> FloatArray:
        weekly = self._mean_of([week * 7 * self._day for week in range(1, 5)])
        daily = self._mean_of([day * self._day for day in range(1, 8)])
        return np.where(np.isnan(weekly), daily, weekly)

    def _mean_of(self, lags: list[int]) -> FloatArray:
        total, count = np.zeros(len(self._values)), np.zeros(len(self._values))
        for lag in lags:
            earlier = self._values[: max(len(self._values) - lag, 0)]
            known = ~np.isnan(earlier)
            total[lag:] += np.where(known, earlier, 0.0)
            count[lag:] += known
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _lag(self, index: IntArray) -> FloatArray:
        return np.where(index >= 0, np.log1p(self._values[np.maximum(index, 0)]), np.nan)

    def _run(self, origins: IntArray, width: int) -> FloatArray:
        first = np.maximum(origins - width, 0)
        seen = self._seen[origins] - self._seen[first]
        expected = self._expected[origins] - self._expected[first]
        return np.asarray(np.log((seen + PRIOR) / (expected + PRIOR)), dtype=np.float64)

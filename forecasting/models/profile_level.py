"""Profile x level: the usual shape of the week times how busy the last days were.

The profile is the mean of the last four values of each slot of the week, after each day was divided by how
busy it was as a whole, so that an odd day does not bend the shape. Where few arrivals were seen the
mean is noise, so it is drawn towards a coarser mean, as if `PRIOR` arrivals had been seen at the coarser
rate (a gamma prior on a Poisson rate): slot of the week towards slot of a working day or weekend day,
that towards slot of any day, that towards the overall mean. A thousand arrivals per slot drown the prior;
with one arrival an hour it leaves little but the daily shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.liveness import EXPECTED, live_bins, recent_level
from forecasting.core.series import BoolArray, FloatArray, IntArray, Series
from forecasting.core.spans import DAY, HOUR, WEEK
from forecasting.models.state import dump_array, load_array

PRIOR = 8.0
WEEKS = 4


@dataclass(frozen=True, slots=True)
class ProfileLevel:
    """Fits in milliseconds, needs nothing but numpy, and is the fallback for everything else."""

    name: str = "profile_level"

    def fit(self, series: Series, calendar: Calendar) -> "ProfileLevelFit":
        """Fit to the last four weeks of live bins."""
        recent = series.upto(len(series), at_most=round(WEEKS * WEEK / series.step))
        live = live_bins_of(recent, calendar)
        slots = calendar.slots(recent.times, recent.step)
        weights = live.astype(np.float64)
        profile = week_profile(recent.values, slots, weights, step=recent.step)
        swings = _day_levels(recent, profile[slots], live, calendar)
        profile = week_profile(recent.values / swings, slots, weights * swings, step=recent.step)
        per_day = max(round(DAY / recent.step), 1)
        level = recent_level(recent.values, profile[slots], live, per_day=per_day)
        return ProfileLevelFit(profile=profile, level=level, step=recent.step, calendar=calendar)


@dataclass(frozen=True, slots=True)
class ProfileLevelFit:
    """A rate for each slot of the week, and the level."""

    profile: FloatArray
    level: float
    step: float
    calendar: Calendar

    def predict(self, times: FloatArray) -> FloatArray:
        """Return profile times level for each bin."""
        slots = self.calendar.slots(np.asarray(times, dtype=np.float64), self.step)
        return np.asarray(self.profile[slots] * self.level, dtype=np.float64)

    def dump(self) -> Mapping[str, Any]:
        """Return profile, level and step."""
        return {"profile": dump_array(self.profile), "level": self.level, "step": self.step}

    @classmethod
    def load(cls, state: Mapping[str, Any], calendar: Calendar) -> Self:
        """Restore what `dump` returned."""
        return cls(load_array(state["profile"]), state["level"], state["step"], calendar)


def week_profile(values: FloatArray, slots: IntArray, weights: FloatArray, *, step: float) -> FloatArray:
    """Return the weighted mean of every slot of the week, drawn towards coarser means where arrivals are few."""
    per_day = max(round(DAY / step), 1)
    known = np.where(np.isnan(values), 0.0, weights)
    seen: FloatArray = np.bincount(slots, known, 7 * per_day).reshape(7, per_day).astype(np.float64)
    arrivals = np.bincount(slots, np.nan_to_num(values) * known, 7 * per_day)
    volume: FloatArray = arrivals.reshape(7, per_day).astype(np.float64)
    mean = float(volume.sum() / max(seen.sum(), 1e-9))
    anyday = _shrunk(volume.sum(axis=0), seen.sum(axis=0), np.full(per_day, mean))
    profile = np.empty((7, per_day))
    for days in (slice(0, 5), slice(5, 7)):
        kind = _shrunk(volume[days].sum(axis=0), seen[days].sum(axis=0), anyday)
        profile[days] = _shrunk(volume[days], seen[days], kind)
    return np.maximum(profile.reshape(-1), 0.0)


def _day_levels(series: Series, expected: FloatArray, live: BoolArray, calendar: Calendar) -> FloatArray:
    """Return for every bin how busy its day was against the profile, in 0.5..2."""
    days = np.unique(np.floor(calendar.local(series.times) / DAY), return_inverse=True)[1]
    volume = np.bincount(days, np.where(live, series.values, 0.0))
    usual = np.bincount(days, np.where(live, expected, 0.0))
    levels: FloatArray = np.clip((volume + EXPECTED) / (usual + EXPECTED), 0.5, 2.0)[days]
    return levels


def _shrunk(volume: FloatArray, seen: FloatArray, towards: FloatArray) -> FloatArray:
    """Return (volume + PRIOR) / (seen + PRIOR / towards): the mean under a gamma prior worth PRIOR arrivals."""
    rate = np.maximum(towards, 1e-6)
    return np.asarray((volume + PRIOR) / (seen + PRIOR / rate), dtype=np.float64)


def live_bins_of(series: Series, calendar: Calendar) -> BoolArray:
    """Return which bins are live, judged on hours where the bins are finer."""
    hourly = series.summed(max(HOUR, series.step))
    verdict = live_bins(hourly, calendar)
    index = np.floor((series.times - hourly.start) / hourly.step).astype(np.int64)
    return np.asarray(verdict[index] & ~np.isnan(series.values))

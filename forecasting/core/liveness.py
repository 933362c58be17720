"""Which bins tell of demand: closed slots and dead stretches are told apart from quiet ones.

A zero-filled outage is the worst outlier a model in logarithms can meet, and leaving outages out is the
largest single gain that was measured. Three verdicts are given here, on bins of an hour or wider:

- *closed*: a slot of the week that is empty week after week (90th percentile under 2 % of the mean);
- *dead day*: a day with under 25 % of the median volume of its weekday;
- *dead run*: three hours or more of zeros in slots that are normally busy.

Where arrivals are sparse, zeros are ordinary. So each verdict also asks that `EXPECTED` arrivals should
have been seen; under that, chance explains the silence and nothing is thrown away.
"""

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.series import BoolArray, FloatArray, IntArray, Series
from forecasting.core.spans import DAY, HOUR, WEEK

EXPECTED = 15.0
CLOSED_SHARE = 0.02
DEAD_SHARE = 0.25
BUSY_SHARE = 0.25
RUN_HOURS = 3.0


def closed_slots(series: Series, calendar: Calendar) -> BoolArray:
    """Tell for every slot of the week whether it is closed."""
    slots = calendar.slots(series.times, series.step)
    closed = np.zeros(round(WEEK / series.step), dtype=np.bool_)
    if not series.known:
        return closed
    mean = float(np.nanmean(series.values))
    for slot in np.unique(slots):
        seen = series.values[slots == slot]
        seen = seen[~np.isnan(seen)]
        if len(seen) >= 2 and len(seen) * mean >= EXPECTED:
            closed[slot] = float(np.quantile(seen, 0.9)) < CLOSED_SHARE * mean
    return closed


def live_bins(series: Series, calendar: Calendar) -> BoolArray:
    """Tell which bins are known and neither in a dead day nor in a dead run."""
    slots = calendar.slots(series.times, series.step)
    live = ~np.isnan(series.values)
    return live & ~_dead_days(series, calendar) & ~_dead_runs(series, slots)


def _dead_days(series: Series, calendar: Calendar) -> BoolArray:
    """Mark days far under the median volume of their kind; days only partly known are not judged."""
    days = np.floor(calendar.local(series.times) / DAY).astype(np.int64)
    numbers, where = np.unique(days, return_inverse=True)
    known = np.bincount(where, weights=(~np.isnan(series.values)).astype(np.float64))
    volume = np.bincount(where, weights=np.nan_to_num(series.values))
    whole = known * series.step >= 0.75 * DAY
    kinds = np.zeros(len(numbers), dtype=np.int64)
    kinds[where] = calendar.slots(series.times, DAY)
    dead = np.zeros(len(numbers), dtype=np.bool_)
    for kind in np.unique(kinds):
        same = whole & (kinds == kind)
        if np.count_nonzero(same) < 3:
            continue
        usual = float(np.median(volume[same]))
        dead |= same & (usual >= EXPECTED) & (volume < DEAD_SHARE * usual)
    return np.asarray(dead[where], dtype=np.bool_)


def _dead_runs(series: Series, slots: IntArray) -> BoolArray:
    """Mark runs of zeros that last three hours or more where arrivals are normal."""
    usual = _usual(series.values, slots)
    known = series.values[~np.isnan(series.values)]
    busy = usual > BUSY_SHARE * (float(np.mean(known)) if len(known) else 0.0)
    silent = (series.values == 0) & busy
    dead = np.zeros(len(series), dtype=np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], silent.astype(np.int8), [0]))))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if (last - first) * series.step >= RUN_HOURS * HOUR and np.sum(usual[first:last]) >= EXPECTED:
            dead[first:last] = True
    return dead


def _usual(values: FloatArray, slots: IntArray) -> FloatArray:
    """Return the median of each bin's slot of the week, zero where the slot was never known."""
    usual = np.zeros(len(values))
    for slot in np.unique(slots):
        here = slots == slot
        seen = values[here]
        seen = seen[~np.isnan(seen)]
        usual[here] = float(np.median(seen)) if len(seen) else 0.0
    return usual


def recent_level(actual: FloatArray, fitted: FloatArray, live: BoolArray, *, per_day: int) -> float:
    """Return the median of actual / fitted over the last three live 24 h windows, in 0.5..2.

    One day alone would carry a holiday or an outage forward. Both sums get `EXPECTED` arrivals added, so
    that a day of five arrivals does not move the level and a day of five thousand does.
    """
    ratios: list[float] = []
    for last in range(len(actual), per_day - 1, -per_day):
        window = slice(last - per_day, last)
        seen = live[window]
        if np.count_nonzero(seen) * 2 < per_day:
            continue
        volume, expected = float(np.sum(actual[window][seen])), float(np.sum(fitted[window][seen]))
        ratios.append((volume + EXPECTED) / (expected + EXPECTED))
        if len(ratios) == 3:
            break
    return min(max(float(np.median(ratios)), 0.5), 2.0) if ratios else 1.0

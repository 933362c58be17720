"""Silence in a log: which empty bins are outages of the log rather than quiet times.

A bin in which no line at all was written, not even one that cleaning drops, is suspicious only if lines
were to be expected. What to expect is the mean count of the same hour of the week (of the day, below two
weeks of log). A run of silent bins that should have held `EXPECTED_LINES` lines cannot be chance.
"""

import numpy as np

from forecasting.core.series import BoolArray, FloatArray
from forecasting.core.spans import DAY, HOUR, WEEK

EXPECTED_LINES = 20.0
SHORTEST_RUN = 900.0


def silent_gaps(lines: FloatArray, *, start: float, step: float) -> BoolArray:
    """Tell which bins belong to a gap, from the count of lines of any kind per bin."""
    times = start + step * np.arange(len(lines), dtype=np.float64)
    period = WEEK if len(lines) * step >= 2 * WEEK else DAY
    slots = np.floor(np.mod(times, period) / max(step, HOUR)).astype(np.int64)
    total = np.bincount(slots, weights=lines)
    usual = (total / np.maximum(np.bincount(slots), 1))[slots]
    gaps = np.zeros(len(lines), dtype=np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (lines == 0).astype(np.int8), [0]))))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if (last - first) * step >= SHORTEST_RUN and np.sum(usual[first:last]) >= EXPECTED_LINES:
            gaps[first:last] = True
    return gaps

"""Declared events: what no history foretells, because people decide it: openings of slots, campaigns, moved days.

An event lasts from `begin` to `end` and bears a name; events of one name are occurrences of the same thing. What an
occurrence does is learned from the earlier ones: the arrivals in each span of `GRAIN` after the begin over those
that a model without events expects there, the median over occurrences, drawn towards 1 as if PRIOR arrivals had come
as expected. History is divided by these effects before a model is fitted, so that a Monday with an opening does
not become a habit of Mondays, and what the model forecasts is multiplied by them. A name without occurrences in the
history has the `factor` that the operator expects, or none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.core.series import FloatArray, IntArray, Series
from forecasting.core.spans import DAY

GRAIN = 900.0
PRIOR = 20.0
LEAST, MOST = 0.2, 20.0
MAX_OCCURRENCES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time that an event happens; seconds since the epoch."""

    name: str
    begin: float
    end: float

    def __post_init__(self) -> None:
        if not self.end > self.begin or self.end - self.begin > 28 * DAY:
            raise ValueError(f"{self.name}: an event ends after its begin, and within 28 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """All occurrences, past and future, and by what factor the operator expects a new kind of event to multiply."""

    occurrences: Sequence[Occurrence] = ()
    factors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.occurrences) > MAX_OCCURRENCES:
            raise ValueError(f"{len(self.occurrences)} events; at most {MAX_OCCURRENCES} are declared")

    def __bool__(self) -> bool:
        return bool(self.occurrences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """By what each kind of event multiplies arrivals, by spans of `GRAIN` after its begin."""

    events: Events
    profiles: Mapping[str, FloatArray]

    def multipliers(self, times: FloatArray, step: float) -> FloatArray:
        """Return the factor of each bin; where events overlap they multiply, within LEAST to MOST."""
        found = np.ones(len(times))
        for occurrence in self.events.occurrences:
            where = touched(times, step, occurrence)
            if len(where):
                found[where] *= self._of(occurrence, times[where], step)
        return np.clip(found, LEAST, MOST)

    def _of(self, occurrence: Occurrence, times: FloatArray, step: float) -> FloatArray:
        profile = self.profiles.get(occurrence.name)
        if profile is None:
            profile = np.array([self.events.factors.get(occurrence.name, 1.0)])
        inside = np.clip(times, occurrence.begin, None)
        share = _covered(times, step, occurrence)
        slot = np.minimum((inside - occurrence.begin) // GRAIN, len(profile) - 1).astype(np.int64)
        if step > GRAIN:
            # A wide bin holds many spans of the profile: the mean of those that lie in the part that is covered.
            spans = np.maximum(np.round(share * step / GRAIN), 1).astype(np.int64)
            each = [profile[s : s + n].mean() for s, n in zip(slot.tolist(), spans.tolist(), strict=True)]
            return np.asarray(1.0 + share * (np.array(each) - 1.0), dtype=np.float64)
        return np.asarray(1.0 + share * (profile[slot] - 1.0), dtype=np.float64)


def learn(events: Events, series: Series, expected: FloatArray) -> Effects:
    """Return the effects of events that the series has seen; `expected` is what comes without any, for each bin."""
    ratios: dict[str, list[FloatArray]] = {}
    for occurrence in events.occurrences:
        where = touched(series.times, series.step, occurrence)
        known = where[~np.isnan(series.values[where])]
        if len(known) and len(known) * 2 >= len(where):
            spans = max(1, round((occurrence.end - occurrence.begin) / GRAIN))
            ratios.setdefault(occurrence.name, []).append(_ratios(series, expected, known, occurrence, spans))
    profiles = {name: _median(found) for name, found in ratios.items()}
    return Effects(events=events, profiles=profiles)


def _ratios(series: Series, expected: FloatArray, where: IntArray, occurrence: Occurrence, spans: int) -> FloatArray:
    """Return seen over expected in each span after the begin.

    A bin wider than a span counts for all that it touches; of one that the event covers in part, the rest of the bin is
    taken to have been as expected.
    """
    seen, due = np.zeros(spans), np.zeros(spans)
    shares = _covered(series.times[where], series.step, occurrence)
    for index, share in zip(where.tolist(), shares.tolist(), strict=True):
        at = series.start + index * series.step
        first = max(int((at - occurrence.begin) // GRAIN), 0)
        last = min(int(np.ceil((at + series.step - occurrence.begin) / GRAIN)), spans)
        for span in range(first, max(last, first + 1)):
            if span < spans:
                seen[span] += max(series.values[index] - expected[index] * (1 - share), 0.0)
                due[span] += expected[index] * share
    return np.clip((seen + PRIOR) / (due + PRIOR), LEAST, MOST)


def _median(ratios: Sequence[FloatArray]) -> FloatArray:
    """Return the median over occurrences, of each span as many as lasted so long."""
    longest = max(map(len, ratios))
    return np.array([np.median([r[span] for r in ratios if len(r) > span]) for span in range(longest)])


def _covered(times: FloatArray, step: float, occurrence: Occurrence) -> FloatArray:
    """Return the part of each bin, 0..1, that an event covers."""
    covered = np.minimum(times + step, occurrence.end) - np.maximum(times, occurrence.begin)
    return np.clip(covered / step, 0.0, 1.0)


def touched(times: FloatArray, step: float, occurrence: Occurrence) -> IntArray:
    """Return which bins an event reaches into."""
    return np.flatnonzero((times < occurrence.end) & (times + step > occurrence.begin))

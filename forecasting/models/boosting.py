"""Gradient boosting on lags and the calendar: what the last hours, days and weeks say of the next ones.

A row is one forecast that could have been made: an origin, a target some bins ahead, and only what was known at the
origin. The trees (LightGBM, absolute error) learn by how much the target differs from the usual value, the mean of the
same bin in the last four weeks, both in logarithms; a row weighs as much as that value, so that what is minimised
is close to WAPE. Bins in outages are unknown, as lags and as targets; trees take gaps as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.lag_rows import LagRows
from forecasting.core.series import FloatArray, IntArray, Series
from forecasting.core.spans import DAY, HOUR, WEEK, format_span
from forecasting.models.profile_level import live_bins_of
from forecasting.models.quiet import quiet
from forecasting.models.state import dump_series, load_series
from forecasting.models.tree_model import TreeModel, load_library

ROWS = 12_000
"""About how many rows are learned from."""
FEWEST_ROWS = 200
SHORTEST = 10 * DAY
"""Known history below which the shape of a week cannot be told from its days."""
TREES = 200
SETTINGS = {
    "objective": "l1", "learning_rate": 0.04, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.5,
    "bagging_fraction": 0.7, "bagging_freq": 1, "num_threads": 1, "deterministic": True, "force_row_wise": True,
    "seed": 0, "verbosity": -1,
}  # fmt: skip
KEPT = 6 * WEEK


@dataclass(frozen=True, slots=True)
class Boosting:
    """Fits the trees."""

    name: str = "boosting"

    def fit(self, series: Series, calendar: Calendar) -> "BoostingFit":
        """Fit to every forecast that could have been made in the history; the oldest two weeks only serve as lags."""
        load_library()  # says what to install where it cannot be loaded
        live = live_bins_of(series, calendar)
        known = Series(start=series.start, step=series.step, values=np.where(live, series.values, np.nan))
        rows = LagRows(known, calendar)
        origins, targets = _examples(known)
        told = ~np.isnan(rows.usual(targets))
        origins, targets = origins[told], targets[told]
        usual = rows.usual(targets)
        seen = known.values[targets]
        if len(seen) < FEWEST_ROWS or known.known * known.step < SHORTEST:
            raise InputError(
                f"{self.name}: {len(seen)} examples in {format_span(known.known * known.step)} of known bins; "
                f"at least {FEWEST_ROWS} in {format_span(SHORTEST)} are needed"
            )
        weights = usual + 0.02 * float(np.nanmean(seen)) + 0.5
        with quiet():
            import lightgbm

            table = lightgbm.Dataset(
                rows.features(origins, targets), np.log1p(seen) - np.log1p(usual), weight=weights / weights.mean()
            )
            trees = TreeModel(lightgbm.train(SETTINGS, table, num_boost_round=TREES).model_to_string())
        past = known.upto(len(known), at_most=round(KEPT / known.step))
        return BoostingFit(trees=trees, past=past, calendar=calendar)


@dataclass(frozen=True, slots=True)
class BoostingFit:
    """The trees, and the weeks from which the lags are taken."""

    trees: TreeModel
    past: Series
    calendar: Calendar

    def predict(self, times: FloatArray) -> FloatArray:
        """Return expected arrivals per bin."""
        times = np.asarray(times, dtype=np.float64)
        if not len(times):
            return np.zeros(0)
        targets = np.round((times - self.past.start) / self.past.step).astype(np.int64)
        rows = LagRows(self.past, self.calendar, upto=int(targets.max()) + 1)
        origins = np.minimum(np.full(len(times), len(self.past), dtype=np.int64), targets)
        change = self.trees.predict(rows.features(origins, targets))
        usual = rows.usual(targets)
        usual = np.where(np.isnan(usual), float(np.nanmean(self.past.values)), usual)
        return np.asarray(np.maximum(np.expm1(np.log1p(usual) + change), 0.0), dtype=np.float64)

    def dump(self) -> Mapping[str, Any]:
        """Return LightGBM's own text form of the trees, and the weeks."""
        return {"trees": self.trees.text, "past": dump_series(self.past)}

    @classmethod
    def load(cls, state: Mapping[str, Any], calendar: Calendar) -> Self:
        """Restore what `dump` returned; raises ValueError for trees that were fitted on other columns."""
        past, trees = load_series(state["past"]), TreeModel(state["trees"])
        origin = np.array([len(past) - 1])
        columns = LagRows(past, calendar).features(origin, origin).shape[1]
        if trees.columns != columns:
            raise ValueError(f"the trees were fitted on {trees.columns} columns; this version has {columns}")
        return cls(trees=trees, past=past, calendar=calendar)


def _examples(series: Series) -> tuple[IntArray, IntArray]:
    """Return origins and targets: each origin with leads up to a day, dense in the first hours."""
    day, hour, bins = max(1, round(DAY / series.step)), max(1, round(HOUR / series.step)), len(series)
    leads = np.arange(1, day + 1)
    if hour > 1:
        leads = np.concatenate([np.arange(1, 2 * hour + 1), np.arange(3 * hour, day + 1, 3 * hour)])
    first = min(14 * day, bins // 2)
    stride = max(1, round((bins - first) * len(leads) / ROWS))
    origins, ahead = np.meshgrid(np.arange(bins, first, -stride), leads, indexing="ij")
    targets = (origins + ahead - 1).ravel()
    usable = targets < bins
    usable[usable] = ~np.isnan(series.values[targets[usable]])
    return origins.ravel()[usable].astype(np.int64), targets[usable].astype(np.int64)

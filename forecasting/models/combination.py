"""The median of several models, bin by bin: the most dependable forecaster that was measured.

A single model fails on some series: a trend that runs away, a profile without a trend. The median of models that
fail differently follows none of them there. Weights by recent error were tried in its place and gained nothing. An
hour ahead in fine bins the lags of boosting and the hourly curve of Prophet are enough; of two, the median is the mean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.forecaster import Forecaster, PointModel
from forecasting.core.series import FloatArray, Series
from forecasting.core.spans import HOUR

Loader = Callable[[str, Mapping[str, Any], Calendar], PointModel]


@dataclass(frozen=True, slots=True)
class Combination:
    """Fits each member and answers with the median of their answers.

    `fine` are the members for bins under an hour; the others stand in where none of those can be fitted.
    """

    members: Sequence[Forecaster]
    fine: Sequence[Forecaster] = ()
    name: str = "combination"

    def fit(self, series: Series, calendar: Calendar) -> "CombinationFit":
        """Fit the members that can be fitted to the series; raises InputError when none can."""
        reason = InputError(f"{self.name}: it has no members")
        for members in (self.fine, self.members) if series.step < HOUR else (self.members,):
            fitted: dict[str, PointModel] = {}
            for member in members:
                try:
                    fitted[member.name] = member.fit(series, calendar)
                except InputError as error:
                    reason = error  # too little history for this one
            if fitted:
                return CombinationFit(fitted)
        raise reason


@dataclass(frozen=True, slots=True)
class CombinationFit:
    """The fitted members by name."""

    members: Mapping[str, PointModel]

    def predict(self, times: FloatArray) -> FloatArray:
        """Return the median over members for each bin."""
        answers = np.vstack([model.predict(times) for model in self.members.values()])
        return np.asarray(np.median(answers, axis=0), dtype=np.float64)

    def dump(self) -> Mapping[str, Any]:
        """Return the state of every member."""
        return {name: dict(model.dump()) for name, model in self.members.items()}

    @classmethod
    def load(cls, state: Mapping[str, Any], calendar: Calendar, loader: Loader) -> "CombinationFit":
        """Restore what `dump` returned, member by member."""
        return cls({name: loader(name, member, calendar) for name, member in state.items()})

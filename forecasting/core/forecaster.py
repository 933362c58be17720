"""The port between what fits models and what uses them."""

from collections.abc import Mapping
from typing import Any, Protocol

from forecasting.core.calendar import Calendar
from forecasting.core.series import FloatArray, Series


class PointModel(Protocol):
    """A fitted model: it expects so many arrivals in a bin, and can be written as JSON."""

    def predict(self, times: FloatArray) -> FloatArray:
        """Return expected arrivals, >= 0, for bins of the fitted step that start at `times`."""
        ...

    def dump(self) -> Mapping[str, Any]:
        """Return the state as plain JSON values from which the catalogue restores an equal model."""
        ...


class Forecaster(Protocol):
    """A way to fit models; `name` is how configuration, records and tables call it."""

    @property
    def name(self) -> str:
        """The word for this forecaster everywhere."""
        ...

    def fit(self, series: Series, calendar: Calendar) -> PointModel:
        """Fit to a series; the series is not changed, and no clock is read."""
        ...

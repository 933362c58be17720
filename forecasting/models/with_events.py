"""Any model beside declared events: they are taken out of its history, and put onto its forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.events import Effects, learn, touched
from forecasting.core.forecaster import Forecaster, PointModel
from forecasting.core.series import FloatArray, Series
from forecasting.models.profile_level import ProfileLevel
from forecasting.models.state import dump_array, load_array


@dataclass(frozen=True, slots=True)
class WithEvents:
    """Fits another forecaster to what is left of a history when the calendar's events are taken out of it."""

    base: Forecaster

    @property
    def name(self) -> str:
        """The name of the other forecaster: events are part of the data, not another model."""
        return self.base.name

    def fit(self, series: Series, calendar: Calendar) -> "WithEventsFit":
        """Learn what the events do, against a profile of the bins without any; then fit to the history without them."""
        within = np.zeros(len(series), dtype=np.bool_)
        for occurrence in calendar.events.occurrences:
            within[touched(series.times, series.step, occurrence)] = True
        effects = Effects(events=calendar.events, profiles={})
        if within.any():
            quiet = Series(start=series.start, step=series.step, values=np.where(within, np.nan, series.values))
            usual = ProfileLevel().fit(quiet, calendar)
            effects = learn(calendar.events, series, usual.predict(series.times))
        values = series.values / effects.multipliers(series.times, series.step)
        plain = Series(start=series.start, step=series.step, values=values)
        return WithEventsFit(base=self.base.fit(plain, calendar), effects=effects, step=series.step)


@dataclass(frozen=True, slots=True)
class WithEventsFit:
    """The other model and what the events do."""

    base: PointModel
    effects: Effects
    step: float

    def predict(self, times: FloatArray) -> FloatArray:
        """Return expected arrivals per bin."""
        times = np.asarray(times, dtype=np.float64)
        return self.base.predict(times) * self.effects.multipliers(times, self.step)

    def dump(self) -> Mapping[str, Any]:
        """Return the state of the other model, and the profiles of the events."""
        profiles = {name: dump_array(profile) for name, profile in self.effects.profiles.items()}
        return {"base": dict(self.base.dump()), "profiles": profiles, "step": self.step}

    @classmethod
    def load(cls, state: Mapping[str, Any], calendar: Calendar, base: PointModel) -> Self:
        """Restore what `dump` returned around the other model; the events are those of the calendar."""
        profiles = {str(name): load_array(profile) for name, profile in state["profiles"].items()}
        return cls(base=base, effects=Effects(events=calendar.events, profiles=profiles), step=state["step"])

"""Every forecaster by its name, and how a fitted one is restored from JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.forecaster import Forecaster, PointModel
from forecasting.models.boosting import Boosting, BoostingFit
from forecasting.models.combination import Combination, CombinationFit
from forecasting.models.profile_level import ProfileLevel, ProfileLevelFit
from forecasting.models.prophet_model import ProphetFit, ProphetModel
from forecasting.models.seasonal_naive import SeasonalNaive, SeasonalNaiveFit
from forecasting.models.with_events import WithEvents, WithEventsFit

BASELINE = "seasonal_naive"
DEFAULT = "combination"

_MAKERS: Mapping[str, Callable[[], Forecaster]] = {
    "seasonal_naive": SeasonalNaive,
    "profile_level": ProfileLevel,
    "prophet": ProphetModel,
    "prophet_flat": lambda: _flat(),
    "boosting": Boosting,
    "combination": lambda: Combination(
        members=(ProphetModel(), _flat(), Boosting(), ProfileLevel()),
        fine=(ProphetModel(), Boosting()),
    ),
}

_LOADERS: Mapping[str, Callable[[Mapping[str, Any], Calendar], PointModel]] = {
    "seasonal_naive": SeasonalNaiveFit.load,
    "profile_level": ProfileLevelFit.load,
    "prophet": ProphetFit.load,
    "prophet_flat": ProphetFit.load,
    "boosting": BoostingFit.load,
    "combination": lambda state, calendar: CombinationFit.load(state, calendar, load_model),
}

NAMES = tuple(_MAKERS)


def forecaster(name: str) -> Forecaster:
    """Return the forecaster called `name`; raises InputError with the names there are."""
    if name not in _MAKERS:
        raise InputError(f"--model: {name!r} is not a model; choose one of {', '.join(NAMES)}")
    return _MAKERS[name]()


def forecaster_for(name: str, calendar: Calendar) -> Forecaster:
    """Return the forecaster called `name` as it suits a calendar: beside its events, if it has any.

    The baseline copies events like everything else.
    """
    return WithEvents(forecaster(name)) if calendar.events and name != BASELINE else forecaster(name)


def load_model(name: str, state: Mapping[str, Any], calendar: Calendar) -> PointModel:
    """Restore a fitted model from its name and state."""
    if name not in _LOADERS:
        raise InputError(f"model {name!r} is not known to this version; fit again")
    if "profiles" in state and "base" in state:
        return WithEventsFit.load(state, calendar, load_model(name, state["base"], calendar))
    return _LOADERS[name](state, calendar)


def _flat() -> Forecaster:
    return ProphetModel(name="prophet_flat", growth="flat")

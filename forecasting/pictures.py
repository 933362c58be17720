"""What is drawn of a series and its model: the panels of `talon forecast plot` and of the model card."""

from collections.abc import Callable, Sequence

import numpy as np

from forecasting.core.backtest import Issued
from forecasting.core.errors import InputError
from forecasting.core.forecaster import PointModel
from forecasting.core.series import Series
from forecasting.core.spans import HOUR, WEEK, format_span
from forecasting.models.catalogue import BASELINE
from forecasting.models.combination import CombinationFit
from forecasting.models.prophet_model import ProphetFit
from forecasting.models.training import Calibrated
from forecasting.models.with_events import WithEventsFit
from forecasting.plotting import (
    Panel,
    calibration_panel,
    components_panel,
    forecast_panel,
    horizon_panel,
    week_panel,
)

KINDS = ("forecast", "components", "week", "calibration", "horizon")
TESTED = ("calibration", "horizon")
"""Kinds that need a backtest."""

Tested = dict[str, tuple[Issued, ...]]
"""What was issued in a backtest, by model."""


def panels(
    kinds: Sequence[str], fitted: Calibrated, history: Series, steps: int, test: Callable[[], Tested]
) -> list[Panel]:
    """Return the panels of the kinds, in their order; `test` runs the backtest if one of them needs it."""
    tested = test() if set(kinds) & set(TESTED) else {}
    return [_panel(kind, fitted, history, steps, tested) for kind in kinds]


def _panel(kind: str, fitted: Calibrated, history: Series, steps: int, tested: Tested) -> Panel:
    step = history.step
    match kind:
        case "forecast":
            forecast = fitted.forecast(fitted.history.ahead(steps))
            return forecast_panel(history, forecast, title=f"{format_span(steps * step)} ahead by {fitted.name}")
        case "components":
            return _components(fitted)
        case "week":
            return week_panel(history, fitted.calendar)
        case "calibration":
            return calibration_panel(tested[fitted.name], step)
        case "horizon":
            return horizon_panel(tested[fitted.name], tested[BASELINE], step)
        case _:
            raise InputError(f"--what: {kind!r} is none of {', '.join(KINDS)}, all")


def _components(fitted: Calibrated) -> Panel:
    prophet = prophet_in(fitted.model)
    if prophet is None:
        raise InputError(
            f"--what components: the model {fitted.name} has no Prophet in it whose curve could be taken apart"
        )
    end = fitted.history.end
    times = end - 2 * WEEK + HOUR * np.arange(3 * WEEK / HOUR)
    return components_panel(times, prophet.curve.components(times, fitted.calendar))


def prophet_in(model: PointModel) -> ProphetFit | None:
    """Return the Prophet in a model, or None."""
    model = model.base if isinstance(model, WithEventsFit) else model
    members = list(model.members.values()) if isinstance(model, CombinationFit) else [model]
    return next((member for member in members if isinstance(member, ProphetFit)), None)

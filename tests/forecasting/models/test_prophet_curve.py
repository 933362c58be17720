"""The curve worked out from Prophet's JSON is the curve that Prophet itself predicts."""

import json
from datetime import date

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.models.prophet_curve import ProphetCurve
from forecasting.models.prophet_model import ProphetModel
from forecasting.models.quiet import quiet
from tests.forecasting.made import shaped

HOLIDAYS = {date(2026, 11, 18): "a free day", date(2026, 12, 1): "a free day", date(2026, 12, 2): "another one"}


@pytest.mark.slow
@pytest.mark.parametrize("growth", ["linear", "flat"])
@pytest.mark.parametrize(
    ("days", "step", "zone"), [(5, 900, "UTC"), (40, 3600, "America/New_York"), (400, 86400, "UTC")]
)
def test_it_is_what_prophet_predicts(growth: str, days: int, step: float, zone: str) -> None:
    """Within and after the history, with holidays, weekends, a clock change and any step."""
    import pandas as pd
    from prophet.serialize import model_from_dict

    calendar = Calendar(zone=zone, holidays=HOLIDAYS)
    series = shaped(days=days, step=step, peak=500)
    document = ProphetModel(growth=growth).fit(series, calendar).dump()["model"]
    curve = ProphetCurve.of(json.loads(json.dumps(document)))
    times = np.sort(np.concatenate([series.times[-300:], series.ahead(900), [series.end + 12.345]]))
    stamps = (calendar.local(times) * 1000).astype("int64").astype("datetime64[ms]")
    free = calendar.is_weekend(times)
    with quiet():
        frame = pd.DataFrame({"ds": stamps, "working_day": ~free, "free_day": free})
        expected = model_from_dict(document).predict(frame)["yhat"].to_numpy()
    assert curve.predict(times, calendar) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_state_of_another_kind_is_refused() -> None:
    """A logistic trend was never fitted by this project; its numbers would be read wrongly."""
    with pytest.raises(ValueError, match="growth 'logistic' is not one of Talon's"):
        ProphetCurve.of({"growth": "logistic", "y_min": 0.0})

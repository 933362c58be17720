import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.events import Events, Occurrence
from forecasting.core.series import Series
from forecasting.core.spans import DAY, HOUR
from forecasting.models.catalogue import forecaster_for, load_model
from forecasting.models.registry import read_version, register, version_of
from forecasting.models.training import train
from tests.forecasting.made import MONDAY, shaped

EVERY_OTHER = [3, 10, 24, 38]
"""Days with a release at 20:00: Thursdays, but not all of them."""


def with_releases(series: Series, days: list[int]) -> Series:
    """Return the series with five times as many arrivals in the two hours after each release."""
    values = series.values.copy()
    for day in days:
        values[day * 24 + 20 : day * 24 + 22] = values[day * 24 + 20 : day * 24 + 22] * 5 + 150
    return replace(series, values=values)


def releases(days: list[int]) -> Events:
    begins = [MONDAY + day * DAY + 20 * HOUR for day in days]
    return Events(occurrences=[Occurrence(name="release", begin=b, end=b + 2 * HOUR) for b in begins])


@pytest.mark.parametrize("name", ["profile_level", "combination"])
def test_a_declared_event_is_foreseen_and_other_weeks_do_not_inherit_it(name: str) -> None:
    """A Thursday with a release gets its peak, one without does not, though others had it."""
    series = with_releases(shaped(days=45, swing=0.02), EVERY_OTHER)
    history = series.upto(45 * 24)
    for declared, day in ((True, 45), (False, 45)):
        calendar = Calendar(events=releases([*EVERY_OTHER, *([day] if declared else [])]))
        model = forecaster_for(name, calendar).fit(history, calendar)
        evening = model.predict(MONDAY + day * DAY + 20 * HOUR + HOUR * np.arange(2))
        if declared:
            assert evening.sum() > 250
        else:
            assert evening.sum() < 60


def test_the_state_holds_what_events_do_and_the_registry_restores_it(tmp_path: object) -> None:
    """Profiles in the model's state, occurrences in the calendar's: what is read back forecasts the same."""
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    series = with_releases(shaped(days=42, swing=0.02), EVERY_OTHER)
    calendar = Calendar(events=releases([*EVERY_OTHER, 42]), weekdays={date(2026, 12, 15): 6})
    trained = train("profile_level", series, calendar, horizon=24, folds=3)
    version = version_of(trained, series, made_at=1.8e9)
    register(version, tmp_path)
    fitted = read_version(tmp_path, version.name).fitted
    times = series.ahead(72)
    assert fitted.forecast(times).q50 == pytest.approx(trained.fitted.forecast(times).q50, rel=1e-5)
    later = fitted.beside(releases([43]))
    evening = MONDAY + 43 * DAY + 20 * HOUR + HOUR * np.arange(2)
    assert later.forecast(evening).q50.sum() > 3 * fitted.forecast(evening).q50.sum()


def test_without_events_nothing_is_wrapped() -> None:
    """A calendar without events gives the plain forecaster, and the baseline is always plain."""
    assert forecaster_for("profile_level", Calendar()).__class__.__name__ == "ProfileLevel"
    assert forecaster_for("seasonal_naive", Calendar(events=releases([1]))).__class__.__name__ == "SeasonalNaive"
    series = shaped(days=14)
    calendar = Calendar(events=releases([30]))
    fit = forecaster_for("profile_level", calendar).fit(series, calendar)
    again = load_model("profile_level", json.loads(json.dumps(dict(fit.dump()))), calendar)
    assert again.predict(series.ahead(24)).tolist() == pytest.approx(fit.predict(series.ahead(24)).tolist(), rel=1e-6)


def test_a_moved_working_day_is_forecast_as_what_it_replaces() -> None:
    """A Saturday that counts as a Monday is as busy as one."""
    series = shaped(days=28, swing=0.0)
    saturday = MONDAY + 33 * DAY + HOUR * np.arange(24)
    moved = Calendar(weekdays={date(2026, 12, 5): 0})
    plain = forecaster_for("profile_level", Calendar()).fit(series, Calendar()).predict(saturday).sum()
    work = forecaster_for("profile_level", moved).fit(series, moved).predict(saturday).sum()
    assert work > 2.5 * plain

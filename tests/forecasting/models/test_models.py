import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.metrics import wape
from forecasting.core.spans import DAY, WEEK
from forecasting.models.boosting import Boosting
from forecasting.models.catalogue import NAMES, forecaster, load_model
from forecasting.models.combination import Combination
from forecasting.models.profile_level import ProfileLevel
from forecasting.models.prophet_model import ProphetModel
from forecasting.models.training import workable
from tests.forecasting.made import MONDAY, shaped, usual

QUICK = ("seasonal_naive", "profile_level")


def test_seasonal_naive_copies_last_week_and_older_weeks_over_gaps() -> None:
    """The same bin a week before, or two where that one is a gap; two weeks ahead too."""
    series = shaped(days=28)
    values = series.values.copy()
    values[21 * 24 + 9] = np.nan
    model = forecaster("seasonal_naive").fit(replace(series, values=values), Calendar())
    expected = values[21 * 24 : 28 * 24].copy()
    expected[9] = values[14 * 24 + 9]
    times = series.ahead(2 * 168)
    assert model.predict(times).tolist() == [*expected, *expected]


def test_seasonal_naive_copies_yesterday_where_there_is_no_week() -> None:
    """Three days of history are copied day by day."""
    series = shaped(days=3)
    answer = forecaster("seasonal_naive").fit(series, Calendar()).predict(series.ahead(24))
    assert answer.tolist() == series.values[-24:].tolist()


def test_profile_level_learns_shape_and_level() -> None:
    """On a known shape at 1.5 times its level in the last two weeks, the error is that of chance."""
    series = shaped(days=28, peak=2000, swing=0.0)
    values = series.values.copy()
    values[-14 * 24 :] *= 1.5
    times = series.ahead(24)
    answer = forecaster("profile_level").fit(replace(series, values=values), Calendar()).predict(times)
    assert wape(1.5 * usual(times, step=3600, peak=2000), answer) < 0.1


def test_profile_level_does_not_copy_chance_where_arrivals_are_sparse() -> None:
    """With one arrival in two hours the profile comes closer to the true rate than copying does."""
    series = shaped(days=42, peak=0.9, swing=0.0)
    times = series.ahead(168)
    truth = usual(times, step=3600, peak=0.9)
    errors = {
        name: float(np.sum(np.abs(truth - forecaster(name).fit(series, Calendar()).predict(times)))) for name in QUICK
    }
    assert errors["profile_level"] < 0.5 * errors["seasonal_naive"]


def test_profile_level_treats_a_holiday_as_a_sunday() -> None:
    """A Monday that is a holiday is forecast as quiet as a Sunday."""
    series = shaped(days=28)
    monday = series.ahead(24)
    day = date(2026, 11, 30)
    fit = forecaster("profile_level").fit(series, Calendar(holidays={day: "a free day"}))
    assert fit.predict(monday).tolist() == fit.predict(monday - DAY).tolist()


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("days", [2, 9, 40])
@pytest.mark.parametrize("step", [300.0, 3600.0, 86400.0])
def test_models_answer_finitely_for_any_length_and_step(name: str, days: int, step: float) -> None:
    """Short or long, fine or daily, with gaps or empty: finite and never negative, and JSON keeps it."""
    series = shaped(days=days, step=step)
    holed = np.where(np.arange(len(series)) % 7 == 3, np.nan, series.values)
    for values in (series.values, holed, np.zeros(len(series)), np.full(len(series), np.nan)):
        model = forecaster(name).fit(replace(series, values=values), Calendar())
        answer = model.predict(series.ahead(30))
        assert np.all(np.isfinite(answer))
        assert np.all(answer >= 0)
        again = load_model(name, json.loads(json.dumps(dict(model.dump()), allow_nan=False)), Calendar())
        assert again.predict(series.ahead(30)) == pytest.approx(answer, rel=1e-6)


@pytest.mark.slow
def test_prophet_beats_copying_closes_nights_survives_an_outage_and_json() -> None:
    """On a noisy shape with closed nights and a zero-filled outage Prophet beats seasonal naive."""
    series = shaped(days=35, swing=0.2)
    night = np.arange(len(series)) % 24 < 5
    values = np.where(night, 0.0, series.values)
    values[30 * 24 + 7 : 30 * 24 + 19] = 0.0
    history = replace(series.upto(34 * 24), values=values[: 34 * 24])
    calendar = Calendar(zone="UTC", holidays={date(2026, 11, 18): "a free day"})
    truth = np.where(night[-24:], 0.0, usual(series.times[-24:], step=3600, peak=200))
    model = ProphetModel().fit(history, calendar)
    answer = model.predict(series.times[-24:])
    naive = forecaster("seasonal_naive").fit(history, calendar).predict(series.times[-24:])
    assert wape(truth, answer) < min(0.25, wape(truth, naive))
    assert np.all(answer[:5] == 0)
    again = load_model("prophet", json.loads(json.dumps(dict(model.dump()), allow_nan=False)), calendar)
    assert again.predict(series.times[-24:]) == pytest.approx(answer, rel=1e-3)


@pytest.mark.slow
def test_prophet_on_fine_bins_keeps_shape_and_recent_level() -> None:
    """Quarters of an hour at twice the level in the last week are forecast at twice the level."""
    series = shaped(days=28, step=900.0, peak=2000, swing=0.0)
    values = series.values.copy()
    values[-7 * 96 :] *= 2
    model = forecaster("prophet_flat").fit(replace(series, values=values), Calendar())
    times = series.ahead(96)
    truth = 2 * usual(times, step=900.0, peak=2000)
    answer = model.predict(times)
    assert answer.sum() == pytest.approx(truth.sum(), rel=0.1)
    assert wape(truth, answer) < 0.15


def test_the_combination_holds_prophet_and_its_rivals() -> None:
    """Prophet takes part in the default forecaster, the bar does not, and every name can be had."""
    members = {member.name for member in forecaster("combination").members}  # type: ignore[attr-defined]
    assert members == {"prophet", "prophet_flat", "boosting", "profile_level"}
    assert [forecaster(name).name for name in NAMES] == list(NAMES)
    with pytest.raises(InputError, match="--model: 'lstm' is not a model; choose one of"):
        forecaster("lstm")


def test_a_member_that_needs_more_history_is_left_out() -> None:
    """Of three days boosting learns nothing; the others answer, and the state holds only theirs."""
    series = shaped(days=4)
    fitted = Combination((Boosting(), ProfileLevel())).fit(series, Calendar())
    assert list(fitted.dump()) == ["profile_level"]
    alone = ProfileLevel().fit(series, Calendar()).predict(series.ahead(24))
    assert fitted.predict(series.ahead(24)).tolist() == alone.tolist()
    with pytest.raises(InputError, match=r"boosting: .* are needed"):
        Combination((Boosting(),)).fit(series, Calendar())


def test_fine_bins_have_members_of_their_own_and_the_others_in_reserve() -> None:
    """Quarters of an hour go to `fine`; where that needs more history, the members for hours answer."""
    model = Combination(members=(ProfileLevel(),), fine=(Boosting(),))
    assert list(model.fit(shaped(days=20, step=900.0), Calendar()).dump()) == ["boosting"]
    assert list(model.fit(shaped(days=4, step=900.0), Calendar()).dump()) == ["profile_level"]
    assert list(model.fit(shaped(days=20), Calendar()).dump()) == ["profile_level"]


def test_bins_too_fine_for_the_arrivals_are_widened_to_hours() -> None:
    """Sparse five-minute bins become hours, and it is said; busy ones stay."""
    sparse, notes = workable(shaped(days=7, step=300.0, peak=1.0))
    assert sparse.step == 3600
    assert "are too few; bins of 1h are used" in notes[0]
    busy, silence = workable(shaped(days=7, step=300.0, peak=900.0))
    assert (busy.step, silence) == (300.0, ())
    assert busy.start == MONDAY
    assert len(busy) * busy.step == WEEK

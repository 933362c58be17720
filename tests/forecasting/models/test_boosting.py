"""Gradient boosting on lags: it follows what the last hours say, is not led astray by an outage, and is plain text."""

import json
from dataclasses import replace

import numpy as np
import pytest

from forecasting.core.backtest import issue, plan_folds
from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.metrics import wape
from forecasting.core.series import Series
from forecasting.models.catalogue import forecaster, load_model
from forecasting.models.tree_model import load_library
from tests.forecasting.made import shaped, usual


def error(name: str, history: Series, hours: int = 24, *, level: float = 1.0) -> float:
    times = history.ahead(round(hours * 3600 / history.step))
    truth = level * usual(times, step=history.step, peak=2000)
    return wape(truth, forecaster(name).fit(history, Calendar()).predict(times))


def test_a_day_ahead_it_follows_the_level_of_the_last_days() -> None:
    """Where the level of a day lasts for days, yesterday says more than last week."""
    chance = np.random.default_rng(3)
    level = np.zeros(63)
    for day in range(1, 63):
        level[day] = 0.9 * level[day - 1] + 0.15 * chance.normal()
    rate = usual(shaped(days=63).times, step=3600, peak=2000) * np.exp(np.repeat(level, 24))
    series = replace(shaped(days=63), values=chance.poisson(rate).astype(np.float64))
    errors = {}
    for name in ("boosting", "seasonal_naive"):
        plan = plan_folds(series, horizon=24, folds=7, warm_up=0)
        folds = issue(forecaster(name), series, Calendar(), plan)
        errors[name] = sum(float(np.abs(fold.actual - fold.point).sum()) for fold in folds)
    assert errors["boosting"] < 0.75 * errors["seasonal_naive"]


@pytest.mark.parametrize("step", [300.0, 900.0])
def test_an_hour_ahead_it_follows_the_last_hours(step: float) -> None:
    """A day that runs at twice its usual level goes on so."""
    series = shaped(days=21, step=step, peak=2000, swing=0.3)
    upto = round(20.4 * 86400 / step)
    values = series.values[:upto].copy()
    values[-round(9 * 3600 / step) :] *= 2
    history = Series(start=series.start, step=step, values=values)
    assert error("boosting", history, 1, level=2.0) < 0.6 * error("seasonal_naive", history, 1, level=2.0)


def test_an_outage_that_the_log_filled_with_zeros_changes_little() -> None:
    """Twelve hours of zeros two days ago are unknown, not a new habit."""
    series = shaped(days=42, peak=2000, swing=0.1)
    values = series.values.copy()
    values[-40:-28] = 0.0
    assert error("boosting", replace(series, values=values)) < error("boosting", series) + 0.03


def test_two_weeks_ahead_it_still_answers_with_the_shape_of_the_week() -> None:
    """Where the lags of a day ago are not there yet, older ones stand in for them."""
    series = shaped(days=42, peak=2000, swing=0.0)
    assert error("boosting", series, 14 * 24) < 0.15


def test_its_state_is_text_and_restores_the_same_answers() -> None:
    """No pickle: LightGBM's own text form, and the weeks that the lags come from."""
    series = shaped(days=28)
    fitted = forecaster("boosting").fit(series, Calendar())
    state = json.loads(json.dumps(dict(fitted.dump()), allow_nan=False))
    assert state["trees"].startswith("tree\n")
    times = series.ahead(48)
    assert load_model("boosting", state, Calendar()).predict(times) == pytest.approx(fitted.predict(times), rel=1e-5)
    with pytest.raises(ValueError, match="not LightGBM's text form"):
        load_model("boosting", {**state, "trees": "tree\nversion=v4\nfeature"}, Calendar())


def test_nothing_is_learned_from_too_little() -> None:
    """Two days hold no example of a week; the sentence says so."""
    with pytest.raises(InputError, match=r"boosting: .* examples in 2d of known bins; at least 200 in 10d"):
        forecaster("boosting").fit(shaped(days=2), Calendar())


def test_the_same_series_gives_the_same_forecast() -> None:
    """Chance has no part in it."""
    series = shaped(days=28)
    first, second = (forecaster("boosting").fit(series, Calendar()).predict(series.ahead(24)) for _ in range(2))
    assert np.array_equal(first, second)


def test_without_openmp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the library gets the sentence; the combination goes on without this member."""

    def missing(_path: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr("forecasting.models.tree_model.ctypes.CDLL", missing)
    load_library.cache_clear()
    try:
        with pytest.raises(InputError, match=r"libgomp\.so\.1.*apt-get install libgomp1; macOS: brew install libomp"):
            forecaster("boosting").fit(shaped(days=28), Calendar())
    finally:
        load_library.cache_clear()


def test_trees_of_other_columns_are_refused() -> None:
    """A model fitted on quarters of an hour knows two lags more than one on hours; it says so, and does not crash."""
    hourly, fine = (forecaster("boosting").fit(shaped(days=28, step=step), Calendar()).dump() for step in (3600, 900))
    with pytest.raises(ValueError, match="the trees were fitted on 22 columns; this version has 17"):
        load_model("boosting", {**hourly, "trees": fine["trees"]}, Calendar())


def test_damaged_trees_are_one_sentence_and_no_word_of_the_library(capfd: pytest.CaptureFixture[str]) -> None:
    """LightGBM writes to standard error by itself; that is held back, and its reason is in the error."""
    state = forecaster("boosting").fit(shaped(days=28), Calendar()).dump()
    damaged = str(state["trees"]).replace("max_feature_idx=16", "max_feature_idx=9")
    capfd.readouterr()
    with pytest.raises(ValueError, match="not LightGBM's text form: Wrong size of feature_names"):
        load_model("boosting", {**state, "trees": damaged}, Calendar())
    assert capfd.readouterr() == ("", "")

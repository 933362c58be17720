import math
from dataclasses import replace

import numpy as np
import pytest

from forecasting.core.backtest import Issued, calibrations, check_history, issue, plan_folds, score
from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.intervals import POISSON
from forecasting.core.series import FloatArray, Series
from forecasting.models.seasonal_naive import SeasonalNaive
from tests.forecasting.made import shaped


class Watching:
    """A forecaster that notes what it was shown and answers with a constant."""

    name = "watching"

    def __init__(self) -> None:
        self.shown: list[Series] = []

    def fit(self, series: Series, calendar: Calendar) -> "Watching":
        """Note the series."""
        self.shown.append(series)
        return self

    def predict(self, times: FloatArray) -> FloatArray:
        """Return ones."""
        return np.ones(len(times))

    def dump(self) -> dict[str, object]:
        """Return nothing."""
        return {}


def test_no_fit_sees_what_it_is_tested_on() -> None:
    """At every cutoff the history ends where the forecast begins, and test windows do not overlap."""
    series, watching = shaped(days=21), Watching()
    plan = plan_folds(series, horizon=24, folds=5, warm_up=2)
    issued = issue(watching, series, Calendar(), plan)
    assert [fold.cutoff for fold in issued] == [past.end for past in watching.shown]
    assert all(fold.times[0] == fold.cutoff for fold in issued)
    assert np.all(np.diff([fold.cutoff for fold in issued]) == 24 * 3600)
    assert issued[-1].times[-1] + series.step == series.end


def test_the_baseline_against_itself_is_exactly_one() -> None:
    """The ratio compares on the same bins, so seasonal naive scores 1."""
    series = shaped(days=28)
    plan = plan_folds(series, horizon=24, folds=8)
    naive = issue(SeasonalNaive(), series, Calendar(), plan)
    found = score("seasonal_naive", naive, naive, series, warm_up=plan.warm_up)
    assert found.ratio == 1.0
    assert found.folds == 8
    assert found.bins == 8 * 24
    assert 0.5 < found.coverage <= 1


class Choosy(Watching):
    """A forecaster that asks for a history of at least so many bins."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self.least = least

    def fit(self, series: Series, calendar: Calendar) -> "Watching":
        """Refuse what is too short."""
        if len(series) < self.least:
            raise InputError(f"choosy: {len(series)} bins; at least {self.least} are needed")
        return super().fit(series, calendar)


def test_folds_with_too_little_history_for_a_model_count_for_neither_side() -> None:
    """A model that needs two weeks is scored on the folds that have them, against the bar of the same folds."""
    series = shaped(days=21)
    plan = plan_folds(series, horizon=24, folds=12, warm_up=0)
    naive = issue(SeasonalNaive(), series, Calendar(), plan)
    late = [fold for fold in naive if fold.times[0] - series.start >= 14 * 86400]
    found = score("choosy", issue(Choosy(14 * 24), series, Calendar(), plan), naive, series, warm_up=0)
    whole = score("naive", late, late, series, warm_up=0)
    assert found.folds == len(late) == 7
    assert found.wape / found.ratio == pytest.approx(whole.wape)


def test_a_model_that_fits_at_no_cutoff_says_why() -> None:
    """The refusal of the last fold is the refusal of the backtest."""
    series = shaped(days=21)
    with pytest.raises(InputError, match=r"choosy: .* at least 99999 are needed"):
        issue(Choosy(99_999), series, Calendar(), plan_folds(series, horizon=24, folds=3))


def test_a_history_of_two_days_cannot_be_scored() -> None:
    """Without a single fold every number is NaN, none is made up."""
    series = shaped(days=2)
    plan = plan_folds(series, horizon=24, folds=12)
    found = score("x", (), (), series, warm_up=plan.warm_up)
    assert plan.cutoffs == ()
    assert math.isnan(found.wape)
    assert math.isnan(found.ratio)


def test_too_little_history_is_refused_by_name() -> None:
    """The sentence says how much there is and how much is needed."""
    with pytest.raises(InputError, match=r"a\.csv: 24 known bins of 1h are not enough .* at least 2d"):
        check_history(shaped(days=1), place="a.csv")


def folds_with_errors(sizes: list[float]) -> tuple[Issued, ...]:
    """Forecasts of a hundred a bin, a day each, whose errors are normal with these spreads."""
    chance = np.random.default_rng(5)
    point = np.full(24, 100.0)
    return tuple(
        Issued(
            cutoff=day * 86400.0,
            times=day * 86400.0 + 3600.0 * np.arange(24),
            actual=np.maximum(point + size * chance.normal(size=24), 0.0),
            point=point,
        )
        for day, size in enumerate(sizes)
    )


def test_the_band_follows_errors_that_grow_within_days() -> None:
    """After ten days of small errors the errors are three times as large: the band has caught up within a week."""
    issued = folds_with_errors([5.0] * 10 + [15.0] * 20)
    covered = []
    for calibration, fold in zip(calibrations(issued), issued, strict=False):
        band = calibration.forecast(fold.times, 3600.0, fold.point)
        covered.append(float(np.mean((fold.actual >= band.q10) & (fold.actual <= band.q90))))
    assert np.mean(covered[10:12]) < 0.6
    assert 0.72 < np.mean(covered[17:]) < 0.9


def test_no_band_knows_the_forecast_that_it_is_for() -> None:
    """What comes true on the last day changes no band up to that day's."""
    issued = folds_with_errors([5.0] * 8)
    other = (*issued[:-1], replace(issued[-1], actual=issued[-1].actual * 9))
    assert calibrations(issued)[:-1] == calibrations(other)[:-1]
    assert len(calibrations(issued)) == len(issued) + 1
    assert calibrations(()) == [POISSON]


def test_a_day_that_is_not_known_changes_no_width() -> None:
    """An outage is no error; the width stays where it was."""
    issued = folds_with_errors([5.0] * 8)
    gone = (*issued, replace(issued[-1], cutoff=8 * 86400.0, actual=np.full(24, np.nan)))
    assert calibrations(gone)[-1] == calibrations(issued)[-1]


def test_a_quick_check_of_one_fold_warms_up_on_one() -> None:
    """A fit in a hurry issues two forecasts in all: one for the band, one to be scored with it."""
    plan = plan_folds(shaped(days=40), horizon=24, folds=1)
    assert (len(plan.cutoffs), plan.warm_up) == (2, 1)
    assert plan_folds(shaped(days=40), horizon=24, folds=3).warm_up == 6

"""Many series in one line a model: means that one odd series cannot hide in."""

from dataclasses import replace
from math import nan

import pytest

from forecasting.core.backtest import Score
from forecasting.core.summary import summarise

PLAIN = Score(model="a", folds=12, bins=288, wape=0.2, ratio=0.5, mase=1.0, pinball=2.0, coverage=0.8, under_q95=0.95)


def test_ratios_are_averaged_geometrically_and_the_worst_is_shown() -> None:
    """0.5 and 2.0 come to 1.0: twice as bad weighs as much as twice as good."""
    (found,) = summarise([[PLAIN], [replace(PLAIN, ratio=2.0, coverage=0.6)]])
    assert (found.series, found.wins, found.worst) == (2, 1, 2.0)
    assert found.ratio == pytest.approx(1.0)
    assert (found.coverage, found.least_coverage, found.most_coverage) == pytest.approx((0.7, 0.6, 0.8))


def test_a_series_without_a_score_does_not_count() -> None:
    """What could not be told is left out, and a model that was never scored has no line."""
    scores = [
        [PLAIN, replace(PLAIN, model="b", ratio=nan)],
        [replace(PLAIN, ratio=nan), replace(PLAIN, model="b", ratio=nan)],
    ]
    (found,) = summarise(scores)
    assert (found.model, found.series) == ("a", 1)

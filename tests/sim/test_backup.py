"""A cold backup is warm when the peak comes, because the forecast said so; a forecast that errs costs little."""

from dataclasses import replace

import pytest

from tests.bench.backup import MORNING, QUIET, backup_share, booked
from tests.sim.world import play


@pytest.mark.slow
def test_the_forecast_has_the_backup_warm_at_the_peak() -> None:
    """With 60 s of warm-up at least a tenth more is booked in the peak than without a forecast."""
    shares = {error: booked(MORNING, play(replace(MORNING, forecast_error=error))) for error in (1.0, None)}
    assert shares[1.0] >= 0.95, shares
    assert shares[1.0] >= 1.1 * shares[None], shares


@pytest.mark.slow
@pytest.mark.parametrize("error", [0.5, 1.5])
def test_a_forecast_wrong_by_half_costs_at_most_a_twentieth(error: float) -> None:
    """Against the same morning without a forecast, in a peak that one backup's warm-up decides."""
    small = replace(MORNING, curve=((0, 2), (60, 4), (70, 14), (120, 14), (130, 2)), rush=(70, 125), seconds=140)
    without = booked(small, play(replace(small, forecast_error=None)))
    assert booked(small, play(replace(small, forecast_error=error))) >= 0.95 * without


def test_a_false_alarm_costs_the_backup_no_more_than_its_trickle() -> None:
    """The peak was forecast and ordinary traffic came: at most a tenth of the visits warmed the backup for nothing."""
    outcome = play(QUIET)
    assert outcome.backup_opened[0][1] == "forecast"
    assert 0 < backup_share(outcome) <= 0.1
    assert backup_share(play(replace(QUIET, forecast_error=None))) == 0.0

"""The rush of a day: in order, in time, everybody accounted for; `make proof` plays the whole day with a million."""

from dataclasses import replace

import pytest

from tests.sim.day import Day, DayOutcome, State
from tests.sim.play_day import play
from tests.sim.real_day import ENOUGH, TOO_LITTLE, real_day, table

RUSH = replace(
    real_day(20_000, ENOUGH), shape=(2.0, 3.0, 4.0, 3.0, 2.0, 1.0), capacity=((0.0, 4.0), (0.5, 2.0), (1.0, 5.0))
)
"""An hour and a half around the top of the curve, with half of the capacity lost for half an hour."""
AROUND_THE_RUSH = (10, 18)
"""Hours of the real day in which the lost capacity is made up for."""


def in_order(day: Day, outcome: DayOutcome) -> None:
    """Nobody passed, called or let in twice, lost or forgotten."""
    said = table(day, outcome)
    assert outcome.inversions == 0, said
    assert outcome.double_admissions == outcome.called_twice == 0, said
    assert outcome.unaccounted == 0, said
    assert outcome.states[State.LOST] == 0, said


@pytest.mark.slow
def test_a_rush_that_can_be_served_in_time() -> None:
    """With enough capacity every lane keeps its target for 95 of 100, and no capacity is idle while somebody waits."""
    day = real_day(100_000, ENOUGH, hours=AROUND_THE_RUSH)
    outcome = play(day)
    said = table(day, outcome)
    in_order(day, outcome)
    assert outcome.most_waiting > 500, "the rush exceeds the capacity"
    for name, lane in outcome.lanes.items():
        assert lane.within(day.lanes[name].target_wait) >= 0.95, said
        assert lane.longest_drought <= 60.0, said
    busy = [minute for minute in outcome.minutes if minute.busy]
    assert sum(m.claims for m in busy) == pytest.approx(sum(m.wanted for m in busy), rel=0.01), "no capacity is idle"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_lane_starves_when_targets_cannot_be_kept() -> None:
    """With half of the capacity gone for an hour all lanes go on, each with its floor share, and the order holds."""
    day = real_day(100_000, TOO_LITTLE, hours=AROUND_THE_RUSH)
    outcome = play(day)
    said = table(day, outcome)
    in_order(day, outcome)
    rate = min(rate for _, rate in day.capacity)
    for name, lane in outcome.lanes.items():
        assert lane.longest_drought <= 3 / (day.lanes[name].floor * rate) + 60.0, said
    assert outcome.lanes["regular"].within(600.0) < 0.9, "the targets were out of reach"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_who_leave_and_come_back(seed: int) -> None:
    """In a rush with every third visit leaving, vanishing or absent for a while the same holds."""
    day = replace(RUSH, seed=seed, leavers=0.15, no_shows=((0.0, 0.1),), absent=0.15)
    outcome = play(day)
    assert outcome.states[State.LEFT] > 500
    in_order(day, outcome)


def test_the_same_seed_gives_the_same_day() -> None:
    """Two plays agree to the last digit; another seed is another day."""
    day = replace(RUSH, visitors=5000)
    one, two, other = play(day), play(day), play(replace(day, seed=2))
    assert one == two
    assert one.lanes != other.lanes

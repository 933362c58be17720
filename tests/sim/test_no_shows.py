"""No-shows and leavers in a crowded room: who comes in is what was wanted, and capacity is never idle for long."""

from dataclasses import replace

import pytest

from gateway.core.lanes import LanePolicy
from tests.sim.day import Day, DayOutcome
from tests.sim.play_day import play

MINUTES = 6
RATE = 40.0
CROWDED = Day(
    visitors=round(MINUTES * 60 * RATE * 2.2),
    shape=(1.0,),
    quarter=MINUTES * 60.0,
    capacity=((0, RATE),),
    lanes={"urgent": LanePolicy(target_wait=60.0), "regular": LanePolicy(target_wait=600.0)},
    mix={"urgent": 0.2, "regular": 0.8},
    leavers=0.0,
    no_shows=((0.0, 0.3),),
    absent=0.0,
    tick=0.5,
)
"""Twice as many come as can be served; a tenth of the pages sleep in the background and look twice a minute only."""


def by_minute(outcome: DayOutcome) -> list[float]:
    """Return claimed arrivals over wanted ones in each minute in which people come."""
    return [minute.claims / minute.wanted for minute in outcome.minutes[:MINUTES]]


@pytest.mark.parametrize("seed", range(1, 5))
def test_thirty_in_a_hundred_never_claim(seed: int) -> None:
    """From 60 s on, half a claim window, claimed arrivals are within 5 % of the target in every minute."""
    arrivals = by_minute(play(replace(CROWDED, seed=seed)))
    assert arrivals[0] == pytest.approx(1.0, abs=0.1)
    assert arrivals[1:] == pytest.approx([1.0] * (MINUTES - 1), abs=0.05), seed


@pytest.mark.parametrize("shares", [(0.3, 0.1), (0.1, 0.4), (0.0, 0.3)])
def test_people_change_in_mid_run(shares: tuple[float, float]) -> None:
    """Other people come from the fourth minute on: one minute at most misses the target, by 15 % at most."""
    day = replace(CROWDED, no_shows=((0.0, shares[0]), (3 / 60, shares[1])))
    arrivals = by_minute(play(day))
    assert arrivals[1:] == pytest.approx([1.0] * (MINUTES - 1), abs=0.15), shares
    assert sum(1 for share in arrivals[1:] if abs(share - 1) > 0.05) <= 1, shares


@pytest.mark.parametrize("silent", [True, False], ids=["without a word", "with a word"])
def test_half_of_them_leave(silent: bool) -> None:
    """With every second visit gone no minute of capacity is lost, half a claim window: it goes to those who stay."""
    leaving = {"no_shows": ((0.0, 0.5),)} if silent else {"no_shows": ((0.0, 0.0),), "leavers": 0.5}
    day = replace(CROWDED, visitors=round(MINUTES * 60 * RATE * 2.6), **leaving)
    outcome = play(day)
    windows = [minute for minute in outcome.minutes[:MINUTES] if minute.busy]
    idle = max((1 - minute.claims / minute.wanted for minute in windows), default=1.0)
    assert len(windows) > 4
    assert idle <= 0.1, "an idle minute, with people waiting"
    assert outcome.longest_stall <= 2.0

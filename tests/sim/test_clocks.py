"""The store's clock may drift, step and run backwards: nobody is let in too many, and nobody waits for it long."""

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.lanes import LanePolicy
from gateway.core.pacing import LEAST
from tests.sim.day import Day, DayOutcome, State
from tests.sim.play_day import play

RATE = 20.0
BURST = 1.0
CROWDED = Day(
    visitors=4000,
    shape=(1.0,),
    quarter=90.0,
    capacity=((0, RATE),),
    lanes={"urgent": LanePolicy(target_wait=60.0), "regular": LanePolicy(target_wait=600.0)},
    mix={"urgent": 0.2, "regular": 0.8},
    leavers=0.0,
    no_shows=((0.0, 0.0),),
    absent=0.0,
    slow=0.0,
    tick=0.1,
    longest_poll=10.0,
    grace=60.0,
)
"""Two hundred seconds of work come within a minute and a half."""


def excess(outcome: DayOutcome, day: Day, rate: float) -> float:
    """Return the most calls in any span beyond what the rate brings in that span."""
    most, least = 0.0, 0.0
    for turn, calls in enumerate(outcome.calls):
        ahead = calls - rate * turn * day.tick
        least = min(least, ahead)
        most = max(most, ahead - least)
    return most


def steps(*jumps: tuple[float, float]) -> Callable[[float], float]:
    return lambda true: true + sum(size for at, size in jumps if true >= at)


CLOCKS = {
    "steady": steps(),
    "fast by 1 %": lambda true: 1.01 * true,
    "slow by 1 %": lambda true: 0.99 * true,
    "back a second, again and again": steps(*((at, -1.0) for at in range(20, 160, 10))),
    "back a minute": steps((40.0, -60.0)),
    "back an hour": steps((40.0, -3600.0)),
    "on by half a minute": steps((40.0, 30.0)),
    "to and fro": steps((30.0, 20.0), (50.0, -25.0), (70.0, 20.0), (90.0, -15.0)),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_the_rate_holds_whatever_the_clock_does(name: str) -> None:
    """In no span more is called than the rate and one second's burst allow, and calls never stop for a second.

    A leap forwards of any size brings three seconds' worth at most: one of time that has not been, and two because
    visits that were told their time by a rate measured over the leap claim late and look like no-shows at first.
    """
    day = replace(CROWDED, clock=CLOCKS[name])
    outcome = play(day)
    drift = 1.01 if name == "fast by 1 %" else 1.0
    leaps = {"on by half a minute": 1, "to and fro": 2}.get(name, 0)
    assert excess(outcome, day, RATE * drift) <= max(LEAST, 1 + RATE * BURST) + 3 * RATE * leaps, name
    assert outcome.longest_stall <= 1.0
    assert outcome.states[State.ADMITTED] == day.visitors
    assert (outcome.inversions, outcome.double_admissions, outcome.unaccounted) == (0, 0, 0)


def test_an_hour_that_is_skipped_costs_one_poll() -> None:
    """When the clock leaps past presence and claim window everybody looks silent, until the next look of each."""
    day = replace(CROWDED, clock=steps((40.0, 3600.0)))
    outcome = play(day)
    assert outcome.longest_stall <= day.longest_poll * 1.1 + 2.0
    assert outcome.states[State.ADMITTED] == day.visitors, "who was called at that moment returns once"
    assert outcome.states[State.LOST] == outcome.double_admissions == outcome.unaccounted == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_random_clocks_do_no_harm(seed: int) -> None:
    """A clock that wanders by up to a second at any time, and steps back at times, lets in nobody too many."""
    chance = Random(seed)
    offsets = list(accumulate(chance.choice((0, 0, 0, 0.3, -0.3, 1, -2)) for _ in range(3000)))
    day = replace(CROWDED, visitors=1200, quarter=40.0, seed=seed, clock=lambda true: true + offsets[int(true)])
    outcome = play(day)
    gained = sum(max(0.0, b - a) for a, b in pairwise(offsets[:120]))
    assert excess(outcome, day, RATE) <= 1 + RATE * (BURST + gained)
    assert outcome.states[State.ADMITTED] == day.visitors
    assert (outcome.inversions, outcome.double_admissions, outcome.unaccounted) == (0, 0, 0)

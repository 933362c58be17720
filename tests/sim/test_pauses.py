"""Pauses by hand and a store that is gone for a while: no flood afterwards, no herd, and nobody's place is lost."""

from dataclasses import replace

import pytest

from gateway.core.pacing import LEAST
from tests.sim.day import State
from tests.sim.play_day import play
from tests.sim.test_clocks import BURST, CROWDED, RATE, excess
from tests.sim.test_scenarios import PEAK
from tests.sim.world import play as play_morning


@pytest.mark.parametrize("pause", [10.0, 60.0])
def test_a_pause_ends_without_a_flood(pause: float) -> None:
    """While the room is paused nobody is called; then calls go on at the rate, with one second's burst at most.

    After a long pause there may be one more second's worth in the first minute: visits that were told long waits come
    late to their turn, and until they do some of them look like no-shows.
    """
    begin, tick = 30.0, CROWDED.tick
    day = replace(CROWDED, capacity=((0.0, RATE), (begin / 3600, 0.0), ((begin + pause) / 3600, RATE)))
    outcome = play(day)
    during = outcome.calls[round((begin + 2 * tick) / tick) : round((begin + pause) / tick)]
    assert during[0] == during[-1], "a paused room calls nobody"
    allowed = max(LEAST, 1 + RATE * BURST)
    assert excess(outcome, day, RATE) <= allowed + (RATE if pause > 30 else 0)
    after = round((begin + pause) / tick)
    resumed = outcome.calls[after + round(1 / tick)] - outcome.calls[after]
    assert 0.8 * RATE <= resumed <= RATE + allowed, "and it goes on within a second"
    assert outcome.states[State.ADMITTED] == day.visitors
    assert (outcome.inversions, outcome.double_admissions, outcome.unaccounted) == (0, 0, 0)


def test_nobody_storms_a_store_that_is_back() -> None:
    """After ten seconds without a store the waiting visits ask spread over several seconds, and every join is kept."""
    gone = (50.0, 60.0)
    scenario = replace(PEAK, name="the store restarts", store_gone=gone)
    outcome = play_morning(scenario)
    back = [outcome.asks[second] for second in range(int(gone[1]), int(gone[1]) + 10)]
    waiting = outcome.most_waiting
    assert waiting > 200
    assert max(back) <= 0.35 * waiting, (waiting, back)
    assert outcome.lost_places == outcome.double_admissions == outcome.inversions == 0
    assert outcome.arrived == outcome.joined, "whoever came while the store was gone has a place since"

"""Pacing: whole calls that add up to the rate, whatever the ticks, and no flood after a pause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pacing import LEAST, Pacer

ticks = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 1)), max_size=80)


@given(ticks)
def test_calls_never_drift_from_the_rate_by_a_whole_call(turns: list[tuple[float, float]]) -> None:
    """While somebody waits, after each tick the calls so far are the integral of the rate, less under one."""
    pacer, called, owed = Pacer(), 0, 0.0
    for rate, elapsed in turns:
        due = pacer.step(rate, elapsed)
        pacer.spend(due)
        called += due
        owed += rate * elapsed
        # A fall of the rate takes nothing back: under one call is left in the bucket.
        assert owed - 1 - 1e-6 <= called <= owed + 1e-6


@pytest.mark.parametrize("rate", [0.05, 0.9, 1.05, 3.3, 47.0])
def test_slow_rates_are_not_rounded_away(rate: float) -> None:
    """A thousand seconds at a tenth of a second a tick bring a thousand times the rate."""
    pacer, called = Pacer(), 0
    for _ in range(10_000):
        due = pacer.step(rate, 0.1)
        pacer.spend(due)
        called += due
    assert called == pytest.approx(1000 * rate, abs=1.0)


@given(ticks, st.floats(0.5, 3))
def test_a_pause_ends_without_a_flood(turns: list[tuple[float, float]], burst: float) -> None:
    """What nobody was there to take is kept for at most `burst` seconds of the rate and one call, or LEAST calls."""
    pacer = Pacer(burst=burst)
    for rate, elapsed in [*turns, (10.0, 3600.0)]:
        assert pacer.step(rate, elapsed) <= max(LEAST, rate * burst + 1) + 1e-6


def test_at_a_rate_of_none_nobody_is_called() -> None:
    """A paused room calls nobody, whatever was due before."""
    pacer = Pacer(level=LEAST)
    assert pacer.step(0.0, 1.0) == 0
    assert pacer.step(1.0, 0.0) == int(LEAST)


@given(st.floats(0, 100), st.floats(-1000, 0))
def test_a_clock_that_steps_back_gives_nothing(rate: float, elapsed: float) -> None:
    """Time that runs backwards brings no calls and takes none away."""
    pacer = Pacer(level=0.5)
    assert pacer.step(rate, elapsed) == 0
    assert pacer.level == 0.5


def test_more_than_is_due_cannot_be_spent() -> None:
    """Calls that are not due are a defect of the caller."""
    pacer = Pacer()
    pacer.step(1.0, 1.0)
    with pytest.raises(AssertionError, match="spent 2"):
        pacer.spend(2)

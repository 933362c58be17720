"""The closed loop of a pool: what is learned of it leads to the visits that keep the nodes just busy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pool_model import PoolModel


def watch(model: PoolModel, seconds: float, *, capacity: float, thought: float, visits: float, full: bool) -> None:
    """Show the model a pool in its steady state: `visits` inside, of whom as many as can be think."""
    served = min(capacity, visits / (thought + 0.1))
    for _ in range(round(seconds * 10)):
        model.observe(visits, max(0.0, visits - served * thought), served, visit=5.0, elapsed=0.1)
        model.learn_most(0.1, full=full, starved=0.0)


@given(st.floats(5, 500), st.floats(0.2, 20), st.floats(1.0, 5.0))
def test_a_full_pool_tells_how_many_visits_fit(capacity: float, thought: float, crowd: float) -> None:
    """Whatever the overload while it was watched, X* requests are open at X* + capacity x thought visits."""
    model, fit = PoolModel(), 10 + capacity * thought
    watch(model, 60.0, capacity=capacity, thought=thought, visits=crowd * fit + capacity, full=True)
    assert model.fitting(10.0) == pytest.approx(fit, rel=0.02)


def test_nothing_is_claimed_before_the_nodes_were_full() -> None:
    """A little used pool says how long people think, and not what it can serve."""
    model = PoolModel()
    watch(model, 60.0, capacity=50.0, thought=1.0, visits=11.0, full=False)
    assert model.fitting(10.0) is None
    assert model.thought == pytest.approx(1.0, rel=0.02)


def test_capacity_that_is_lost_or_found_is_followed() -> None:
    """Half of it gone is known within 6 s; back again, the nodes are starved and the estimate grows."""
    model = PoolModel()
    watch(model, 30.0, capacity=50.0, thought=1.0, visits=80.0, full=True)
    watch(model, 6.0, capacity=25.0, thought=1.0, visits=60.0, full=True)
    assert model.most == pytest.approx(25.0, rel=0.1)
    before = model.fitting(10.0)
    assert before is not None
    for _ in range(30):
        model.observe(35.0, 3.0, 32.0, visit=5.0, elapsed=0.1)
        model.learn_most(0.1, full=False, starved=0.6)
    after = model.fitting(10.0)
    assert after is not None
    assert after > 1.5 * before


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e4), st.booleans(), st.floats(0, 1))))
def test_estimates_are_never_negative(story: list[tuple[float, float, float, bool, float]]) -> None:
    """Whatever readings come, served, most and thought stay at 0 or above."""
    model = PoolModel()
    for inside, open_now, served, full, starved in story:
        model.observe(inside, open_now, served, visit=4.0, elapsed=0.1)
        model.learn_most(0.1, full=full, starved=starved)
        assert min(model.inside, model.served, model.most, model.thought) >= 0

"""No-shows: the share is learned, and calls make up for it within a bound."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.no_show import NoShow


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=60), st.floats(0, 1e6))
def test_calls_are_between_the_wanted_and_twice_as_many(steps: list[tuple[int, int]], wanted: float) -> None:
    """Whatever the counters do, falling ones included, the share is a share and the calls are bounded."""
    no_show = NoShow()
    for claims, missed in steps:
        assert 0 <= no_show.observe(claims, missed) <= 1
        assert wanted <= no_show.calls_for(wanted) <= wanted / (1 - no_show.ceiling) + 1e-9


@pytest.mark.parametrize("truth", [0.0, 0.1, 0.3])
def test_the_share_is_learned(truth: float) -> None:
    """After a thousand ended calls the share is near the truth, and the calls bring the wanted arrivals."""
    chance, no_show, claims, missed = Random(7), NoShow(), 0, 0
    for _ in range(1000):
        if chance.random() < truth:
            missed += 1
        else:
            claims += 1
        no_show.observe(claims, missed)
    assert no_show.share == pytest.approx(truth, abs=0.08)
    assert no_show.calls_for(10.0) * (1 - truth) == pytest.approx(10.0, rel=0.12)


def test_nothing_ended_teaches_nothing() -> None:
    """Reading the same counters again leaves the share as it is, and so does a new epoch."""
    no_show = NoShow()
    learned = no_show.observe(150, 50)
    assert no_show.observe(150, 50) == learned
    assert no_show.observe(0, 0) == learned

"""Token buckets: the bound over every window, nothing taken on refusal, and the size of the map."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.budget import Budget, Charge, Rate, spend

RATES = st.builds(Rate, per_minute=st.floats(0.5, 6000), burst=st.integers(1, 300))
STEPS = st.lists(st.floats(0, 30), min_size=1, max_size=200)


@given(RATES, STEPS)
def test_in_no_window_more_than_the_burst_and_the_rate(rate: Rate, steps: list[float]) -> None:
    """Between any two moments at most burst + rate x time steps are allowed, however they come."""
    budget, now, taken = Budget(), 0.0, []
    for step in steps:
        now += step
        if not spend([Charge(budget=budget, key=b"k", rate=rate)], now):
            taken.append(now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            most = rate.burst + rate.per_minute / 60 * (taken[last] - start)
            assert last - first + 1 <= most + 1e-3


@given(RATES, STEPS)
def test_who_waits_as_told_may_go_on(rate: Rate, steps: list[float]) -> None:
    """After the time that a refusal names the next step is allowed, and not much before."""
    budget, now = Budget(), 0.0
    for step in steps:
        now += step / 100
        charge = Charge(budget=budget, key=b"k", rate=rate)
        wait = spend([charge], now)
        if wait:
            assert spend([charge], now + wait * 0.9) > 0
            assert budget.wait(b"k", rate, now + wait + 1e-6) == 0


@given(RATES, st.lists(st.integers(0, 500), max_size=300), st.integers(1, 20))
def test_the_map_is_bounded(rate: Rate, keys: list[int], most: int) -> None:
    """However many keys come, no more than the limit are kept, the last ones used."""
    budget = Budget(max_keys=most)
    for now, key in enumerate(keys):
        spend([Charge(budget=budget, key=str(key).encode(), rate=rate)], float(now))
        assert len(budget) <= most


def test_keys_do_not_share() -> None:
    """One key's use leaves another's budget whole."""
    budget, rate = Budget(), Rate(per_minute=1, burst=2)
    spent = [spend([Charge(budget=budget, key=b"a", rate=rate)], 0.0) for _ in range(3)]
    assert spent == [0, 0, pytest.approx(60)]
    assert spend([Charge(budget=budget, key=b"b", rate=rate)], 0.0) == 0


@given(st.integers(1, 50), st.integers(1, 20))
def test_all_or_nothing(burst: int, cost: int) -> None:
    """Where one of several budgets refuses, none of them is charged."""
    narrow, wide = Budget(), Budget()
    small, large = Rate(per_minute=60, burst=1), Rate(per_minute=60, burst=burst)
    charges = [
        Charge(budget=narrow, key=b"n", rate=small, cost=cost),
        Charge(budget=wide, key=b"w", rate=large, cost=cost),
    ]
    assert spend(charges, 0.0) == 0
    before = wide.wait(b"w", large, 0.0, burst)
    assert spend(charges, 0.0) > 0
    assert wide.wait(b"w", large, 0.0, burst) == before


def test_no_limit_is_no_limit() -> None:
    """A rate of 0 a minute keeps nothing and allows everything."""
    budget = Budget()
    assert not any(spend([Charge(budget=budget, key=b"k", rate=Rate(per_minute=0, burst=0))], 0.0) for _ in range(1000))
    assert len(budget) == 0


def test_a_time_that_jumps_back_does_not_refill() -> None:
    """A clock that stands or goes back gives nothing away."""
    budget, rate = Budget(), Rate(per_minute=60, burst=1)
    charge = Charge(budget=budget, key=b"k", rate=rate)
    assert spend([charge], 100.0) == 0
    assert spend([charge], 50.0) == pytest.approx(51)


@pytest.mark.parametrize(("per_minute", "burst"), [(-1, 1), (1, 0), (math.inf, 0.5)])
def test_impossible_rates_are_refused(per_minute: float, burst: float) -> None:
    """A rate below 0, or a burst that lets nothing through, is a mistake."""
    with pytest.raises(ValueError, match="a burst of at least 1"):
        Rate(per_minute=per_minute, burst=burst)

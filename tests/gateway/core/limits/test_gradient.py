"""The adaptive limit stays in its bounds, yields to slowness and failures, and finds a node's capacity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.limits.gradient import GradientLimit
from gateway.core.limits.policy import LimitPolicy, Window

windows = st.builds(
    Window,
    answers=st.integers(0, 500),
    failures=st.integers(0, 500),
    slowdown=st.floats(1, 1e6),
    inflight=st.integers(0, 2000),
)


def window(slowdown: float = 1.0, inflight: int = 1000, answers: int = 100, failures: int = 0) -> Window:
    return Window(answers=answers, failures=failures, slowdown=slowdown, inflight=inflight)


@given(st.lists(windows, max_size=60), st.integers(1, 10), st.integers(0, 40), st.integers(0, 400))
def test_the_limit_stays_in_its_bounds(shown: list[Window], low: int, more: int, most: int) -> None:
    """Whatever the windows show, minimum <= limit <= maximum, and failures never raise it."""
    policy = LimitPolicy(minimum=low, initial=low + more, maximum=low + more + most)
    limit = GradientLimit(policy)
    for one in shown:
        before = limit.limit
        after = limit.step(one)
        assert policy.minimum <= after <= policy.maximum
        if one.failures:
            assert after <= before + 1e-9


def test_an_unused_limit_is_not_raised() -> None:
    """Windows in which less than half of the limit was used say nothing about more load."""
    limit = GradientLimit(LimitPolicy(initial=20))
    assert limit.step(window(1.0, inflight=9)) == 20.0
    assert limit.step(window(1.0, inflight=15)) > 20.0
    assert limit.step(window(1.0, inflight=0, answers=0)) == limit.limit


def test_a_slow_node_gets_less_even_when_little_used() -> None:
    """Slowness lowers the limit whether it is used or not."""
    limit = GradientLimit(LimitPolicy(initial=100))
    assert limit.step(window(6.0, inflight=3)) < 100.0


def test_mostly_failures_lower_the_limit_step_by_step() -> None:
    """While a node fails, its limit falls to the minimum and stays there."""
    limit = GradientLimit(LimitPolicy(initial=50, minimum=2))
    for _ in range(60):
        limit.step(window(answers=1, failures=30))
    assert limit.limit == 2.0


@pytest.mark.parametrize("workers", [4, 16, 60])
def test_the_limit_settles_near_what_the_node_can_do(workers: int) -> None:
    """A node that slows once its workers are taken gets a limit of one to 2.5 times its workers."""
    limit = GradientLimit(LimitPolicy())
    settled = []
    for turn in range(400):
        inflight = int(limit.limit)
        limit.step(window(max(1.0, inflight / workers), inflight=inflight))
        if turn >= 300:
            settled.append(limit.limit)
    assert workers <= min(settled)
    assert max(settled) <= 2.5 * workers + 4


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"minimum": 0}, "minimum"),
        ({"initial": 1, "minimum": 2}, "initial"),
        ({"maximum": 5}, "maximum"),
        ({"tolerance": 0.5}, "tolerance"),
        ({"smoothing": 0.0}, "smoothing"),
    ],
)
def test_impossible_policies_are_refused(values: dict[str, float], said: str) -> None:
    """Bounds that contradict each other are refused by name."""
    with pytest.raises(ValueError, match=said):
        LimitPolicy(**values)  # type: ignore[arg-type]

"""The policy's algorithm is the one that runs; what each does beside the gradient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.limits.aimd import AimdLimit
from gateway.core.limits.choice import make_limit
from gateway.core.limits.gradient import GradientLimit
from gateway.core.limits.policy import FixedLimit, LimitPolicy, Window

windows = st.builds(
    Window,
    answers=st.integers(0, 500),
    failures=st.integers(0, 500),
    slowdown=st.floats(1, 1e6),
    inflight=st.floats(0, 2000),
)


def window(slowdown: float = 1.0, inflight: float = 1000, answers: int = 100, failures: int = 0) -> Window:
    return Window(answers=answers, failures=failures, slowdown=slowdown, inflight=inflight)


def test_the_policy_names_the_algorithm() -> None:
    """Each name gives its own kind of limit, which begins at `initial`."""
    made = {name: make_limit(LimitPolicy(algorithm=name, initial=7)) for name in ("gradient", "aimd", "fixed")}
    assert [type(limit) for limit in made.values()] == [GradientLimit, AimdLimit, FixedLimit]
    assert {limit.limit for limit in made.values()} == {7.0}


def test_a_fixed_limit_does_not_learn() -> None:
    """With `fixed` the limit is what the operator wrote, whatever the windows show."""
    limit = make_limit(LimitPolicy(initial=7, algorithm="fixed"))
    assert {limit.step(window(slowdown, failures=3)) for slowdown in (1.0, 5.0, 50.0)} == {7.0}


@given(st.lists(windows, max_size=60), st.sampled_from(["gradient", "aimd", "fixed"]))
def test_every_limit_stays_in_its_bounds(shown: list[Window], name: str) -> None:
    """Whatever the windows show, minimum <= limit <= maximum."""
    policy = LimitPolicy(algorithm=name, minimum=3, initial=5, maximum=12)  # type: ignore[arg-type]
    limit = make_limit(policy)
    assert all(3 <= limit.step(one) <= 12 for one in shown)


def test_aimd_adds_one_and_takes_a_tenth() -> None:
    """A good window that used the limit adds one; a slow or failed one takes a tenth; an unused one nothing."""
    limit = make_limit(LimitPolicy(algorithm="aimd", initial=20))
    assert limit.step(window(1.0, inflight=15)) == 21.0
    assert limit.step(window(1.0, inflight=5)) == 21.0
    assert limit.step(window(2.0)) == pytest.approx(18.9)
    assert limit.step(window(1.0, failures=1)) == pytest.approx(17.01)
    assert limit.step(window(answers=0)) == pytest.approx(17.01)


@pytest.mark.parametrize("workers", [4, 16, 60])
def test_aimd_settles_near_what_the_node_can_do(workers: int) -> None:
    """A node that slows once its workers are taken gets a limit of one to 1.6 times its workers."""
    limit = make_limit(LimitPolicy(algorithm="aimd"))
    settled = []
    for turn in range(400):
        inflight = int(limit.limit)
        limit.step(window(max(1.0, inflight / workers), inflight=inflight))
        if turn >= 300:
            settled.append(limit.limit)
    assert workers <= min(settled)
    assert max(settled) <= 1.6 * workers + 2

"""Open requests of a visit: at most so many, and nothing is kept of who has none."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pass_load import PassLoad


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=200), st.integers(1, 5))
def test_never_more_than_allowed_and_nothing_left_behind(events: list[tuple[str, bool]], most: int) -> None:
    """Whatever comes and goes, a visit has at most so many open requests; at the end the memory is empty."""
    load = PassLoad()
    opened: dict[str, list[ExitStack]] = {"a": [], "b": [], "c": []}
    for visit, comes in events:
        if comes:
            stack = ExitStack()
            may = stack.enter_context(load.one_more(visit, most))
            assert may is (len(opened[visit]) < most)
            if may:
                opened[visit].append(stack)
        elif opened[visit]:
            opened[visit].pop().close()
        assert len(load) == sum(1 for stacks in opened.values() if stacks)
    for stack in (stack for stacks in opened.values() for stack in stacks):
        stack.close()
    assert len(load) == 0


def test_a_request_that_fails_is_over_too() -> None:
    """An error or a visitor who goes away does not leave the request counted."""
    load = PassLoad()
    with pytest.raises(ZeroDivisionError), load.one_more("a", 1) as may:
        assert 1 / (may - 1)
    with load.one_more("a", 1) as may:
        assert may

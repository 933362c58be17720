"""Power of two choices: the less used of two drawn nodes, and never a node that is not there."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.balancing.two_choices import choose

chances = st.floats(0, 1, exclude_max=True)


@given(st.lists(st.floats(0, 50), min_size=1, max_size=6), chances, chances)
def test_the_choice_is_one_of_the_nodes_and_never_the_fullest(loads: list[float], first: float, second: float) -> None:
    """The chosen node exists; with two or more, it is not the single most used one."""
    chosen = choose(loads, first, second)
    assert 0 <= chosen < len(loads)
    if len(loads) > 1 and loads.count(max(loads)) == 1:
        assert loads[chosen] != max(loads)


def test_two_different_nodes_are_compared() -> None:
    """The two draws never are the same node, so of two nodes the less used always wins."""
    assert {choose([0.5, 0.1], a / 10, b / 10) for a in range(10) for b in range(10)} == {1}


def test_a_node_with_a_larger_limit_takes_more() -> None:
    """Requests end up in proportion to the limits, to within a tenth."""
    chance, inflight = Random(3), [0, 0]
    for _ in range(200):
        inflight[choose([inflight[0] / 100, inflight[1] / 300], chance.random(), chance.random())] += 1
    assert abs(inflight[1] - 150) <= 15


def test_chance_spreads_equal_nodes() -> None:
    """With equal loads every node is chosen now and then: no herd on the first."""
    chance = Random(5)
    chosen = [choose([0.0] * 4, chance.random(), chance.random()) for _ in range(400)]
    assert {chosen.count(node) > 50 for node in range(4)} == {True}

"""Power of two choices: the less used of two drawn nodes, and never a node that is not there."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.balancing.two_choices import NodeLoad, choose

chances = st.floats(0, 1, exclude_max=True)
loads = st.builds(
    lambda i, inflight, limit: NodeLoad(node=f"n{i}", inflight=inflight, limit=limit),
    st.integers(0, 9),
    st.integers(0, 50),
    st.floats(1, 100),
)


@given(st.lists(loads, max_size=6, unique_by=lambda node: node.node), chances, chances)
def test_the_choice_is_one_of_the_nodes_and_never_the_fullest(
    nodes: list[NodeLoad], first: float, second: float
) -> None:
    """The chosen node exists; with two or more, it is not the single most used one."""
    chosen = choose(nodes, first, second)
    if not nodes:
        assert chosen is None
        return
    assert chosen in {node.node for node in nodes}
    fullest = sorted(nodes, key=lambda node: node.load)
    if len(nodes) > 1 and fullest[-1].load > fullest[-2].load:
        assert chosen != fullest[-1].node


def test_two_different_nodes_are_compared() -> None:
    """The two draws never are the same node, so of two nodes the less used always wins."""
    nodes = [NodeLoad(node="busy", inflight=5, limit=10), NodeLoad(node="idle", inflight=1, limit=10)]
    assert {choose(nodes, a / 10, b / 10) for a in range(10) for b in range(10)} == {"idle"}


def test_a_node_with_a_larger_limit_takes_more() -> None:
    """Requests end up in proportion to the limits, to within a tenth."""
    chance, inflight = Random(3), {"small": 0, "large": 0}
    limits = {"small": 100.0, "large": 300.0}
    for _ in range(200):
        nodes = [NodeLoad(node=name, inflight=count, limit=limits[name]) for name, count in inflight.items()]
        chosen = choose(nodes, chance.random(), chance.random())
        assert chosen is not None
        inflight[chosen] += 1
    assert abs(inflight["large"] - 150) <= 15


def test_chance_spreads_equal_nodes() -> None:
    """With equal loads every node is chosen now and then: no herd on the first."""
    chance = Random(5)
    nodes = [NodeLoad(node=f"n{i}", inflight=0, limit=10) for i in range(4)]
    chosen = [choose(nodes, chance.random(), chance.random()) for _ in range(400)]
    assert {chosen.count(f"n{i}") > 50 for i in range(4)} == {True}

"""Sessions stay with their nodes, are spread by weight, and move only when they must."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.balancing.rendezvous import ranked

SESSIONS = [b"%d" % number for number in range(3000)]
names = st.sets(st.text("abcdef0123:/.", min_size=1, max_size=20), min_size=1, max_size=6)


@given(st.binary(max_size=40), names)
def test_the_order_does_not_depend_on_how_the_nodes_are_written(session: bytes, nodes: set[str]) -> None:
    """Whoever asks gets the same order of all nodes."""
    one, other = dict.fromkeys(sorted(nodes), 1.0), dict.fromkeys(sorted(nodes, reverse=True), 1.0)
    assert ranked(session, one) == ranked(session, other)
    assert sorted(ranked(session, one)) == sorted(nodes)


@given(st.binary(max_size=40), names)
def test_a_node_that_goes_moves_only_its_own_sessions(session: bytes, nodes: set[str]) -> None:
    """Without the first one the others keep their order."""
    order = ranked(session, dict.fromkeys(nodes, 1.0))
    assert ranked(session, dict.fromkeys(nodes - {order[0]}, 1.0)) == order[1:]


def test_sessions_are_spread_by_weight() -> None:
    """A node of weight 2 is first for half of the sessions beside two of weight 1."""
    first = Counter(ranked(session, {"a": 2.0, "b": 1.0, "c": 1.0})[0] for session in SESSIONS)
    assert abs(first["a"] / 3000 - 0.5) < 0.04
    assert abs(first["b"] / 3000 - 0.25) < 0.04

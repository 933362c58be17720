"""A node that answers worse than the others goes out of choice for a while, and never too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.outliers import OutlierPolicy, Outliers

NODES = ("a", "b", "c")


def answer(outliers: Outliers, node: str, count: int, latency: float | None = 0.1) -> None:
    for _ in range(count):
        outliers.note(node, latency)


def test_five_errors_in_a_row_eject_a_node_at_once() -> None:
    """A node that fails at everything is out after five answers, and back after `base` seconds."""
    outliers = Outliers(OutlierPolicy())
    answer(outliers, "b", 10)
    answer(outliers, "a", 4, None)
    assert outliers.step(NODES, 0.0) == {}
    answer(outliers, "a", 1, None)
    assert outliers.step(NODES, 0.1) == {"a": False}
    assert outliers.ejected("a")
    assert outliers.step(NODES, 5.0) == {}
    assert outliers.step(NODES, 5.2) == {"a": True}
    assert not outliers.ejected("a")


def test_a_node_that_stays_bad_is_out_longer_each_time() -> None:
    """The second time it is out twice as long, up to `longest`; good behaviour makes it short again."""
    outliers = Outliers(OutlierPolicy(base=5.0, longest=12.0))
    now, out = 0.0, []
    for _ in range(4):
        answer(outliers, "a", 5, None)
        answer(outliers, "b", 20)
        assert outliers.step(NODES, now) == {"a": False}
        since = now
        while outliers.ejected("a"):
            now += 0.5
            outliers.step(NODES, now)
        out.append(now - since)
    assert out == [5.0, 10.0, 12.0, 12.0]
    for _ in range(4):
        now += 5.0
        answer(outliers, "a", 30)
        outliers.step(NODES, now)
    answer(outliers, "a", 200, None)
    outliers.step(NODES, now)
    assert outliers.step(NODES, now + 5.0) == {"a": True}


def test_when_all_fail_alike_nobody_is_ejected() -> None:
    """Three of ten answers fail everywhere, rows of five included: no node is the cause."""
    outliers = Outliers(OutlierPolicy())
    for node in NODES:
        answer(outliers, node, 70)
        answer(outliers, node, 30, None)
    assert outliers.step(NODES, 1.0) == {}


def test_half_of_the_answers_wrong_is_enough_without_a_row() -> None:
    """A node that fails every second time never fails five times in a row, and is ejected by its share."""
    outliers = Outliers(OutlierPolicy())
    answer(outliers, "b", 40)
    for _ in range(15):
        answer(outliers, "a", 1, None)
        answer(outliers, "a", 1)
    assert outliers.step(NODES, 1.0) == {"a": False}


def test_a_node_far_slower_than_the_others_is_ejected() -> None:
    """Ten times the others' latency is an outlier, twice is not; with only one other nobody knows which is odd."""
    for latency, nodes, out in ((1.0, NODES, {"a": False}), (0.2, NODES, {}), (1.0, ("a", "b"), {})):
        outliers = Outliers(OutlierPolicy())
        answer(outliers, "a", 30, latency)
        for node in nodes[1:]:
            answer(outliers, node, 30, 0.1)
        assert outliers.step(nodes, 1.0) == out


def test_the_only_node_is_never_ejected() -> None:
    """Without another node to go to there is no ejection."""
    outliers = Outliers(OutlierPolicy())
    answer(outliers, "a", 100, None)
    assert outliers.step(("a",), 1.0) == {}


def test_zero_switches_it_off() -> None:
    """With `consecutive` of 0 nothing is ejected."""
    outliers = Outliers(OutlierPolicy(consecutive=0))
    answer(outliers, "a", 100, None)
    assert outliers.step(NODES, 1.0) == {}


def test_too_few_usable_nodes_are_a_panic() -> None:
    """Less than `panic` of the pool left: ejections are to be ignored."""
    outliers = Outliers(OutlierPolicy(panic=0.3))
    assert not outliers.panics(2, 4)
    assert outliers.panics(1, 4)


stories = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, 0.01, 0.1, 5.0]), st.integers(1, 40), st.floats(0, 4)),
    max_size=60,
)


@given(stories, st.integers(1, 6), st.floats(0, 1))
def test_never_more_than_the_allowed_share_is_out(
    story: list[tuple[str, float | None, int, float]], size: int, most: float
) -> None:
    """Whatever they answer, at most `max_ejected` of the nodes are out, one if there are two, and all come back."""
    nodes = tuple("abcdef"[:size])
    outliers, now = Outliers(OutlierPolicy(max_ejected=most)), 0.0
    for node, latency, count, later in story:
        if node in nodes:
            answer(outliers, node, count, latency)
        now += later
        outliers.step(nodes, now)
        out = sum(map(outliers.ejected, nodes))
        assert out <= (max(1, int(most * size)) if size > 1 else 0)
    for _ in range(len(nodes) + 1):
        now += 1000
        outliers.step(nodes, now)
    assert not any(map(outliers.ejected, nodes))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"consecutive": -1}, "consecutive"),
        ({"error_share": 0.0}, "error_share"),
        ({"max_ejected": 1.5}, "max_ejected"),
        ({"latency_factor": 1.0}, "latency_factor"),
        ({"base": 10.0, "longest": 5.0}, "base"),
    ],
)
def test_impossible_policies_are_refused(rules: dict[str, float], said: str) -> None:
    """Each bound is refused by name."""
    with pytest.raises(ValueError, match=said):
        OutlierPolicy(**rules)  # type: ignore[arg-type]

"""Open requests of a visit: at most so many, and nothing is kept of who has none."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pass_load import PassLoad


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=200), st.integers(1, 5))
def test_never_more_than_allowed_and_nothing_left_behind(events: list[tuple[str, bool]], most: int) -> None:
    """Whatever comes and goes, a visit has at most so many open requests; at the end the memory is empty."""
    load, opened = PassLoad(), dict.fromkeys("abc", 0)
    for visit, comes in events:
        if comes:
            may = load.begin(visit, most)
            assert may is (opened[visit] < most)
            opened[visit] += may
        elif opened[visit]:
            load.end(visit)
            opened[visit] -= 1
        assert len(load) == sum(1 for count in opened.values() if count)
    for visit, count in opened.items():
        for _ in range(count):
            load.end(visit)
    assert len(load) == 0

"""For whom a room is in force: always the same, about as many as said, and never fewer with more."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rollout import is_enforced

PEOPLE = [b"%d" % number for number in range(10_000)]


def test_about_as_many_as_said() -> None:
    """Of ten thousand visitors the share is within a point of the percentage; none at 0, all at 100."""
    for percent in (0, 5, 25, 50, 100):
        share = sum(is_enforced("booking", one, percent) for one in PEOPLE) / len(PEOPLE)
        assert abs(share - percent / 100) < 0.015
    assert not any(is_enforced("booking", one, 0) for one in PEOPLE)
    assert all(is_enforced("booking", one, 100) for one in PEOPLE)


@given(st.binary(max_size=40), st.floats(0, 100), st.floats(0, 100))
def test_more_percent_takes_in_those_of_less(mark: bytes, one: float, other: float) -> None:
    """Nobody falls out of the room when the percentage grows."""
    if is_enforced("booking", mark, min(one, other)):
        assert is_enforced("booking", mark, max(one, other))


def test_rooms_draw_apart() -> None:
    """Who is spared in one room is not spared in all of them."""
    both = sum(is_enforced("a", one, 50) and is_enforced("b", one, 50) for one in PEOPLE)
    assert abs(both / len(PEOPLE) - 0.25) < 0.02

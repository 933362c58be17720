"""The presence profile: counts per block stand for the present, number by number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.presence import PresenceProfile, read_profiles


def profile(first: int, block: int, present: list[bool]) -> PresenceProfile:
    """Count `present`, which begins with the number `first`, in blocks."""
    counts = [sum(present[at : at + block]) for at in range(0, len(present), block)]
    return PresenceProfile(first=first, block=block, end=first + len(present), counts=counts)


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.sampled_from([1, 8, 16, 64]), st.data())
def test_the_number_ahead_is_right_to_a_block(present: list[bool], block: int, data: st.DataObject) -> None:
    """Against counting one by one: off by less than a block at either end, exact with blocks of one."""
    serving = data.draw(st.integers(0, len(present) - 1))
    number = data.draw(st.integers(serving + 1, len(present)))
    ahead = profile(1, block, present).ahead_of(number, serving)
    exactly = sum(present[serving : number - 1])
    assert abs(ahead - exactly) <= 2 * (block - 1)
    assert 0 <= ahead <= number - serving - 1


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.sampled_from([1, 8, 32]), st.integers(0, 50))
def test_nobody_with_a_higher_number_has_fewer_ahead(present: list[bool], block: int, serving: int) -> None:
    """The number ahead never falls from one number to the next."""
    counted = profile(1, block, present)
    ahead = [counted.ahead_of(number, serving) for number in range(serving + 1, serving + 400)]
    assert ahead == sorted(ahead)


def test_the_share_ahead_is_of_the_numbers_between() -> None:
    """Half of the numbers present is a half; with nobody in between it is 1, so that a rate times it stays a rate."""
    counted = profile(1, 8, [True, False] * 16)
    assert counted.share_of(33, 0) == 0.5
    assert counted.share_of(1, 0) == counted.share_of(5, 9) == 1.0


def test_who_joined_after_the_count_is_present() -> None:
    """Numbers beyond the profile were heard of when they were handed out."""
    counted = profile(1, 8, [False] * 16)
    assert counted.ahead_of(17, 0) == 0
    assert counted.ahead_of(27, 0) == 10


def test_a_profile_that_the_caller_has_passed_counts_only_the_rest() -> None:
    """Between two counts the serving number moves on; what it has passed is not ahead any more."""
    counted = profile(1, 8, [True] * 16)
    assert counted.ahead_of(17, 12) == 4
    assert counted.ahead_of(10, 12) == 0


def test_only_counts_are_read() -> None:
    """Entries in another form are left out, so that a newer gateway's profile harms nobody."""
    read = read_profiles({"regular": [8, 8, 24, [1, 2]], "urgent": ["x"], "other": [8, 8, 16, ["many"]]})
    assert list(read) == ["regular"]
    assert read["regular"].end == 24
    with pytest.raises(ValueError, match="blocks"):
        PresenceProfile(first=1, block=2, end=9, counts=[1])
    with pytest.raises(ValueError, match="present"):
        PresenceProfile(first=1, block=2, end=3, counts=[3])

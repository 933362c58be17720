"""The keyed shuffle: a bijection that can be undone, fair over seeds, and never to change its meaning."""

from collections import Counter
from itertools import permutations
from math import factorial, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.permutation import Permutation

seeds = st.binary(min_size=32, max_size=32)


def seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


def excess(counts: list[int], expected: float) -> float:
    """Chi-square as standard deviations above what chance gives."""
    free = len(counts) - 1
    return (sum((count - expected) ** 2 / expected for count in counts) - free) / sqrt(2 * free)


@given(st.integers(1, 3000), seeds)
@settings(max_examples=60)
def test_everybody_gets_exactly_one_place(size: int, key: bytes) -> None:
    """Whatever size and seed, the places are 1..n, each given once, and looking up the other way agrees."""
    shuffle = Permutation(size, key, "regular|1795420800")
    members = [shuffle.member_at(place) for place in range(1, size + 1)]
    assert sorted(members) == list(range(1, size + 1))
    assert [shuffle.place_of(member) for member in members] == list(range(1, size + 1))


@given(st.integers(1, 10**8), st.data())
@settings(max_examples=25)
def test_a_single_place_of_a_huge_crowd_can_be_looked_up(size: int, data: st.DataObject) -> None:
    """Up to a hundred million the two directions undo each other without making a list."""
    shuffle = Permutation(size, seed(1), "regular")
    for number in data.draw(st.lists(st.integers(1, size), min_size=1, max_size=20)):
        assert shuffle.place_of(shuffle.member_at(number)) == number
        assert shuffle.member_at(shuffle.place_of(number)) == number


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_every_order_of_a_small_crowd_is_equally_likely(size: int) -> None:
    """Over many seeds all n! orders come out equally often, by chi-square within five standard deviations."""
    rounds = max(2000, 4 * factorial(size))
    orders = Counter(
        tuple(shuffle.member_at(place) for place in range(1, size + 1))
        for shuffle in (Permutation(size, seed(number), "regular") for number in range(rounds))
    )
    assert abs(excess([orders[order] for order in permutations(range(1, size + 1))], rounds / factorial(size))) < 5


@pytest.mark.parametrize("size", [10, 37, 100, 1000])
def test_every_place_is_equally_likely_for_the_first_and_the_last_comer(size: int) -> None:
    """Over many seeds the first, the middle and the last who came get each tenth of the places equally often."""
    shuffles = [Permutation(size, seed(number), "regular") for number in range(3000)]
    for member in (1, (size + 1) // 2, size):
        tenths = Counter((shuffle.place_of(member) - 1) * 10 // size for shuffle in shuffles)
        sizes = Counter(place * 10 // size for place in range(size))
        chi = sum((tenths[t] - 3000 * sizes[t] / size) ** 2 / (3000 * sizes[t] / size) for t in range(10))
        assert abs(chi - 9) / sqrt(18) < 5


def test_neighbours_are_torn_apart() -> None:
    """Who came right after another gets any distance from that one's place, also over the wrap of a crowd of 101."""
    shuffles = [Permutation(101, seed(number), "regular") for number in range(4000)]
    distances = Counter((s.place_of(51) - s.place_of(50)) % 101 for s in shuffles)
    assert distances[0] == 0
    assert abs(excess([distances[d] for d in range(1, 101)], 40)) < 5


def test_seed_and_label_choose_the_order() -> None:
    """Another seed, lane or opening is another order; the same three are the same order, for ever."""

    def order(key: bytes, label: str) -> list[int]:
        shuffle = Permutation(10, key, label)
        return [shuffle.member_at(place) for place in range(1, 11)]

    assert order(bytes(32), "regular|1795420800") == KNOWN
    others = [
        order(seed(1), "regular|1795420800"),
        order(bytes(32), "urgent|1795420800"),
        order(bytes(32), "regular|0"),
    ]
    assert len({tuple(one) for one in [KNOWN, *others]}) == 4


def test_only_members_have_a_place() -> None:
    """An empty crowd has no shuffle, and numbers outside 1..n are refused."""
    with pytest.raises(ValueError, match="at least one member"):
        Permutation(0, bytes(32), "regular")
    for number in (0, 8):
        with pytest.raises(ValueError, match=r"expected 1\.\.7"):
            Permutation(7, bytes(32), "regular").place_of(number)


KNOWN = [2, 6, 3, 1, 7, 4, 9, 8, 5, 10]
"""What the zero seed gives: if this changes, orders that were published can no longer be recomputed."""

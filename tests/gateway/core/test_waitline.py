"""The line in front of full nodes: its order, and who is refused at the door."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.waitline import LinePolicy, Rate, Waitline


def line(**rules: float) -> Waitline[str]:
    return Waitline(LinePolicy(**rules))  # type: ignore[arg-type]


def going(place: Waitline[str], rate: float, now: float) -> None:
    """Let the pool have started `rate` requests a second for a while."""
    for number in range(int(rate * 5)):
        place.started.note(now - 5 + number / rate)


def test_higher_priority_goes_first_and_the_same_in_order_of_coming() -> None:
    """Within a priority nobody is overtaken; a higher one passes all lower ones."""
    place = line()
    for number, (item, priority) in enumerate([("a", 0), ("b", 1), ("c", 0), ("d", -1), ("e", 1)]):
        place.join(item, priority, float(number))
    assert list(place) == ["b", "e", "a", "c", "d"]
    assert place.head() == "b"
    assert [place.take() for _ in range(6)] == ["b", "e", "a", "c", "d", None]


@given(st.lists(st.tuples(st.sampled_from(["join", "take", "leave"]), st.integers(-2, 2), st.integers(0, 20))))
def test_nobody_is_lost_or_served_twice(story: list[tuple[str, int, int]]) -> None:
    """Whatever joins leaves once; the length is the number of those that wait."""
    place: Waitline[int] = Waitline(LinePolicy())
    inside: dict[int, int] = {}
    for number, (deed, priority, which) in enumerate(story):
        if deed == "join":
            place.join(number, priority, float(number))
            inside[number] = priority
        elif deed == "take":
            taken = place.take()
            assert (taken is None) == (not inside)
            if taken is not None:
                assert inside.pop(taken) == max([*inside.values(), priority_of(taken, story)])
        elif inside:
            item = sorted(inside)[which % len(inside)]
            assert place.leave(item, inside.pop(item))
            assert not place.leave(item, 0)
        assert place.length == len(inside) == len(list(place))


def priority_of(number: int, story: list[tuple[str, int, int]]) -> int:
    return story[number][1]


def test_an_empty_line_refuses_nobody() -> None:
    """Before anybody waits nothing is refused, whatever the rates say."""
    place = line()
    assert not place.refuses(0, 5.0, sheddable=True)
    assert place.expected(0, 5.0) == 0.0


def test_who_would_wait_too_long_is_refused_at_the_door() -> None:
    """At 100 requests/s the line holds 0.4 s: about 40 wait, the next is refused, and one with a promise waits."""
    place = line(shed_after=0.4, shed_standing=0.15)
    going(place, 100.0, 10.0)
    joined = 0
    while not place.refuses(0, 10.0, sheddable=True):
        place.join(str(joined), 0, 10.0)
        joined += 1
    assert 36 <= joined <= 44
    assert not place.refuses(0, 10.0, sheddable=False)


def test_a_standing_line_lets_fewer_wait() -> None:
    """A line that has not been empty for `shed_after` holds 0.15 s; once it has been empty it holds a burst again."""
    place = line(shed_after=0.4, shed_standing=0.15)
    place.join("first", 0, 10.0)
    assert place.allowed(10.3) == 0.4
    assert place.allowed(10.5) == 0.15
    place.take()
    place.join("next", 0, 10.6)
    assert place.allowed(10.7) == 0.4


def test_the_urgent_are_let_in_while_others_are_refused() -> None:
    """Only those who would go before it count for a request, and what comes before it takes from its rate."""
    place = line()
    going(place, 100.0, 10.0)
    for number in range(60):
        place.join(str(number), 0, 10.0)
    assert place.refuses(0, 10.0, sheddable=True)
    assert not place.refuses(1, 10.0, sheddable=True)
    for number in range(120):
        place.arrived(1, 9.0 + number / 120)
    assert place.expected(0, 10.0) > 1.5
    assert place.expected(1, 10.0) == 0.0


def test_the_last_have_no_turn_while_higher_ones_fill_the_nodes() -> None:
    """When the higher priorities bring as much as the nodes take, the rest would wait for ever, and is told so."""
    place = line()
    going(place, 100.0, 10.0)
    place.join("one", 0, 10.0)
    for number in range(300):
        place.arrived(2, 8.0 + number / 150)
    assert place.expected(0, 10.0) == inf


def test_after_a_quiet_time_the_known_rate_counts() -> None:
    """A burst on an idle pool is not refused because nothing was started a moment ago."""
    place = line()
    for number in range(10):
        place.join(str(number), 0, 10.0)
    assert place.refuses(0, 10.0, sheddable=True)
    assert not place.refuses(0, 10.0, sheddable=True, rate=200.0)


def test_the_line_is_bounded_for_everybody() -> None:
    """Beyond `most` even those who are promised service are refused."""
    place = line(most=2)
    place.join("a", 0, 0.0)
    place.join("b", 0, 0.0)
    assert place.refuses(5, 0.0, sheddable=False)


def test_a_rate_forgets() -> None:
    """A steady stream is known within 2 %, and gone five seconds after it ends."""
    rate = Rate()
    for number in range(1000):
        rate.note(number / 100)
    assert rate.at(10.0) == pytest.approx(100, rel=0.02)
    assert rate.at(15.0) < 1.0
    assert rate.at(9.0) == rate.at(9.99)


@pytest.mark.parametrize("rules", [{"shed_standing": 0.0}, {"shed_after": 0.1}, {"most": 0}])
def test_impossible_lines_are_refused(rules: dict[str, float]) -> None:
    """A standing line may not hold longer than a burst, nor nothing."""
    with pytest.raises(ValueError, match=r"shed_standing|max_queue"):
        line(**rules)

"""Rules of openings, the pre-queue that is on, and poll times that make no herd."""

import re
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from gateway.core.known_openings import Opening, OpeningRule, poll_around, prequeue_now


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"at": "7:30"}, "at: expected"),
        ({"at": "24:00"}, "at: expected"),
        ({"at": "750"}, "in quotes, got '750'"),
        ({"days": ()}, "days: expected at least one"),
        ({"date": "2026-02-29"}, "date: expected YYYY-MM-DD"),
        ({"date": "1.12.2026"}, "date: expected YYYY-MM-DD"),
        ({"date": "2026-12-01", "days": ("mon",)}, "not both"),
        ({"prequeue": 0.5}, "prequeue: expected 1s to 12h"),
        ({"prequeue": 43_201.0}, "prequeue: expected 1s to 12h"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_followed_is_refused(changes: dict[str, object], said: str) -> None:
    """Each wrong value has its own sentence that says what was expected."""
    with pytest.raises(ValueError, match=re.escape(said)):
        replace(OpeningRule(at="07:30"), **changes)  # type: ignore[arg-type]


def test_a_rule_says_its_time_to_the_second() -> None:
    """Seconds may be written; without them the opening is at the full minute."""
    assert OpeningRule(at="07:30").clock == (7, 30, 0)
    assert OpeningRule(at="23:59:58", date="2028-02-29").clock == (23, 59, 58)


def test_the_pre_queue_is_on_from_its_begin_up_to_the_opening() -> None:
    """At the begin it is on, at the opening it is over; where two overlap the one that opens first counts."""
    early, late = Opening(opens_at=1000, begins_at=900.0), Opening(opens_at=1100, begins_at=950.0)
    assert [prequeue_now([late, early], now) for now in (899.9, 900.0, 999.9, 1000.0, 1100.0)] == [
        None,
        early,
        early,
        late,
        None,
    ]


def test_fifty_thousand_who_wait_for_an_opening_are_no_herd() -> None:
    """From two minutes before to half a minute after it no second gets 1.2 times the mean of polls."""
    chance, crowd, longest, opens_at = Random(1), 50_000, 30.0, 900
    polls, behind = Counter[int](), Counter[int]()
    for _ in range(crowd):
        at = chance.random() * 780
        while at < opens_at:
            pause = poll_around(opens_at - at, crowd, longest, chance.random())
            assert 1 <= pause <= 2 * longest
            at += pause
            polls[int(at)] += 1
        behind[int(at)] += 1
    assert sum(behind.values()) == crowd
    near = [polls[second] for second in range(opens_at - 120, opens_at + int(longest))]
    assert max(near) <= 1.2 * sum(near) / len(near)
    assert max(behind.values()) <= 1.2 * crowd / longest


def test_a_small_crowd_comes_back_at_once() -> None:
    """A hundred people are asked to come within about a second after the opening."""
    pauses = [poll_around(10.0, 100, 30.0, number / 100) for number in range(100)]
    assert set(pauses) == {10, 11}
    assert poll_around(-0.5, 100, 30.0, 0.0) == 1

"""No-shows: the share is learned from the first claims on, and calls make up for it within a bound."""

from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.no_show import NoShow, Turns
from gateway.core.room import LaneView, RoomView

WINDOW = 120.0


def view(now: float, calls: int, claims: int, *, waiting: int = 1000) -> RoomView:
    lane = LaneView(issued=calls + waiting, serving=calls, calls=calls, claims=claims)
    return RoomView(room="booking", epoch="e", now=now, leader=True, lanes={"regular": lane})


class Calls:
    """Calls at a rate; each is claimed after a delay, or not at all."""

    def __init__(self, no_show: NoShow, seed: int, delay: tuple[float, float]) -> None:
        self.no_show, self.chance, self.delay = no_show, Random(seed), delay
        self.now, self.calls, self.claims, self.owed = 0.0, 0, 0, 0.0
        self.coming: list[tuple[float, int]] = []
        no_show.observe(view(0.0, 0, 0))

    def tick(self, rate: float, missed: float) -> None:
        """Let a tenth of a second pass."""
        self.now += 0.1
        self.owed += rate * 0.1
        while self.owed >= 1:
            self.owed -= 1
            self.calls += 1
            if self.chance.random() >= missed:
                heappush(self.coming, (self.now + self.chance.uniform(*self.delay), self.calls))
        self.no_show.observe(view(self.now, self.calls, self.claims))
        while self.coming and self.coming[0][0] <= self.now:
            self.claims += 1
            self.no_show.note_claim("regular", heappop(self.coming)[1])


counters = st.lists(st.tuples(st.floats(-5, 60), st.integers(0, 1000), st.integers(0, 1000)), max_size=60)


@given(counters, st.floats(0, 1e6))
def test_calls_are_bounded_whatever_the_counters_do(steps: list[tuple[float, int, int]], wanted: float) -> None:
    """Falling counters, clocks that step back, claims without calls: the share is a share and the calls are bounded."""
    no_show, now = NoShow(), 0.0
    for elapsed, calls, claims in steps:
        now += elapsed
        no_show.observe(view(now, calls, claims))
        assert 0 <= no_show.share <= 1
        assert wanted <= no_show.calls_for(wanted) <= wanted / (1 - no_show.ceiling) + 1e-9
        assert 0 <= no_show.coming <= 1000 * len(steps)


@pytest.mark.parametrize("missed", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("delay", [(0.0, 0.2), (0.0, 15.0), (4.0, 6.0)], ids=str)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_share_is_known_within_a_minute(missed: float, delay: tuple[float, float], seed: int) -> None:
    """At sixty calls a second the calls bring the wanted arrivals to 5 %, long before the first claim window ends."""
    calls = Calls(NoShow(), seed, delay)
    for _ in range(600):
        calls.tick(60.0, missed)
    assert calls.no_show.calls_for(10.0) * (1 - missed) == pytest.approx(10.0, rel=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faster_calls_do_not_look_like_no_shows(seed: int) -> None:
    """While calls double every half minute, and while they fall as fast, the share stays near the truth."""
    calls = Calls(NoShow(), seed, (0.0, 10.0))
    shares = []
    for tick in range(1800):
        rate = 10.0 * 2.0 ** (min(tick, 1800 - tick) / 300)
        calls.tick(rate, 0.3)
        if tick > 600:
            shares.append(calls.no_show.share)
    assert 0.2 < min(shares) < max(shares) < 0.4


def test_a_changed_share_is_learned_anew() -> None:
    """A minute after people have become more faithful, or less, the calls are right again to 5 %."""
    calls = Calls(NoShow(), 1, (0.0, 6.0))
    for missed in (0.3, 0.1, 0.4):
        for _ in range(600):
            calls.tick(60.0, missed)
        assert calls.no_show.calls_for(1.0) * (1 - missed) == pytest.approx(1.0, rel=0.05)


def test_who_is_called_and_will_claim_is_counted_as_coming() -> None:
    """Of the calls under way only those that will be claimed count, not the many that wait for their deadline."""
    calls = Calls(NoShow(), 1, (0.0, 8.0))
    for _ in range(1200):
        calls.tick(20.0, 0.4)
    outstanding = calls.calls - calls.claims
    assert outstanding > 500
    assert calls.no_show.coming == pytest.approx(20.0 * 0.6 * 4.0, rel=0.25)
    assert len(calls.coming) == pytest.approx(calls.no_show.coming, rel=0.35)


def test_who_goes_straight_in_says_nothing_about_calls() -> None:
    """With nobody waiting, visits that are let in as they come leave the learned share alone."""
    no_show = NoShow()
    calls = Calls(no_show, 1, (0.0, 2.0))
    for _ in range(600):
        calls.tick(20.0, 0.3)
    for _ in range(100):  # the last ones claim
        calls.tick(0.0, 0.3)
    learned = no_show.share
    for count in range(1, 2001):
        now = calls.now + count * 0.1
        no_show.observe(view(now, calls.calls + count, calls.claims + count, waiting=0))
    assert no_show.share == pytest.approx(learned, abs=0.01)


def test_nothing_new_teaches_nothing() -> None:
    """Reading the same counters again leaves the share as it is, and so does a new epoch."""
    calls = Calls(NoShow(), 1, (0.0, 1.0))
    for _ in range(300):
        calls.tick(20.0, 0.3)
    for _ in range(100):
        calls.tick(0.0, 0.3)
    learned = calls.no_show.share
    calls.tick(0.0, 0.3)
    assert calls.no_show.share == learned
    calls.no_show.observe(view(calls.now + 1, 0, 0))
    assert calls.no_show.share == learned


def test_a_clock_that_jumps_changes_nothing() -> None:
    """An hour forwards and an hour back between two views leave delay, share and the visits under way as they were."""
    steady, jumping = (Calls(NoShow(), 1, (0.0, 8.0)) for _ in range(2))
    for tick in range(1200):
        steady.tick(20.0, 0.3)
        jumping.tick(20.0, 0.3)
        if tick in (500, 900):
            jump = 3600.0 if tick == 500 else -3600.0
            jumping.now += jump
            jumping.coming = [(at + jump, number) for at, number in jumping.coming]
    assert jumping.no_show.share == pytest.approx(steady.no_show.share, abs=0.01)
    assert jumping.no_show.delay == pytest.approx(steady.no_show.delay, abs=0.5)
    assert jumping.no_show.coming == pytest.approx(steady.no_show.coming, rel=0.2)


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(-5, 30)), max_size=80), st.integers(-2, 400))
def test_a_turn_is_the_first_look_that_showed_it(steps: list[tuple[float, int]], number: int) -> None:
    """A time is told only for a number that was seen to be passed while one looked, not for one passed before."""
    turns, now, serving, seen = Turns(keep=100.0), 1000.0, 0, []
    for elapsed, more in steps:
        before, now, serving = serving, now + elapsed, max(0, serving + more)
        if serving < before:
            seen.clear()
        seen.append((now, serving))
        turns.observe(serving, now)
    at = turns.called_at(number)
    if at is not None:
        assert at == next(when for when, passed in seen if passed >= number)
        assert any(passed < number for _, passed in seen)


def test_old_turns_are_forgotten() -> None:
    """An hour of ticks leaves no more than the kept minutes."""
    turns = Turns(keep=60.0)
    for tick in range(36_000):
        turns.observe(tick, tick * 0.1)
    assert len(turns._at) <= 2 * 601
    assert turns.called_at(35_990) == pytest.approx(3599.0)
    assert turns.called_at(100) is None

"""Honest waits: promises that do not flap, paces that follow steps, plans that are looked ahead in."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.calibration import Calibration, drained_after
from gateway.core.room import LaneView, RoomView
from gateway.core.waits import LOOKS, PATIENCE, Outcome, Waits
from tests.plans import plan

LANE = "regular"


@dataclass
class Queue:
    """A lane that is called at a rate, seen by one gateway."""

    waits: Waits
    now: float = 1000.0
    calls: float = 0.0
    waiting: int = 10_000

    def run(self, seconds: float, rate: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1.0
            self.calls += rate
            lane = LaneView(issued=self.waiting + int(self.calls), serving=int(self.calls), calls=int(self.calls))
            view = RoomView(room="booking", epoch="e", now=self.now, leader=False, lanes={LANE: lane})
            self.waits.observe(view, {LANE: self.waiting})

    def shown(self, ahead: int, number: int = 1) -> tuple[float, float]:
        wait = self.waits.shown("e", LANE, number, ahead)
        assert wait is not None
        return wait.low, wait.high


def queue(rate: float = 5.0, seconds: float = 60.0) -> Queue:
    made = Queue(Waits())
    made.run(seconds, rate)
    return made


def test_the_wait_is_the_place_over_the_pace() -> None:
    """At 5 a second 599 ahead wait two minutes, within the range; further back they wait longer."""
    made = queue()
    low, high = made.shown(599)
    assert low < 120 < high
    assert high <= 120 * 1.5
    assert made.shown(1200, number=2)[1] > high


def test_nothing_known_is_unknown() -> None:
    """Before the first reading, and where nobody is ever called, no number is invented."""
    assert Waits().shown("e", LANE, 1, 10) is None
    assert queue(rate=0.0).waits.newcomer(LANE, 10) is None


def test_who_gives_up_shortens_the_wait_of_others() -> None:
    """With a loss of 1 % a second, 1,000 ahead at 5 a second are gone in 110 s, not in 200 s."""
    assert drained_after(1000, 5.0, 0.01) == pytest.approx(109.9, abs=0.1)
    assert drained_after(1000, 5.0, 0.0) == 200.0
    assert drained_after(1000, 5.0, 1e-9) == pytest.approx(200.0)


def test_a_step_of_capacity_is_believed_within_seconds() -> None:
    """Three quarters of a minute after the pace has halved, distant turns are computed with the new pace."""
    made = queue(rate=10.0, seconds=300)
    made.run(45, 5.0)
    assert made.waits.rate(LANE, 1000.0) == pytest.approx(5.0, rel=0.1)


def test_what_the_plan_will_change_is_looked_ahead_at() -> None:
    """A plan that doubles the rate in two minutes: ten minutes' worth of work takes six."""
    made = queue()
    made.waits.expect(None, plan(made.now, 120.0, (1.0, 10.0), (1.0, 20.0)))
    assert made.waits.raw(LANE, 2999) == pytest.approx(120 + 240, rel=0.05)


@pytest.mark.parametrize(("urgent_waiting", "expected"), [(4, 60 + 270 / 9), (400, 60 + 270 / 5)])
def test_when_the_urgent_stop_coming_the_others_move_faster(urgent_waiting: int, expected: float) -> None:
    """Of 10 a second 5 go to the urgent; in a minute only one a second of them comes. Where they queue, they go on."""
    waits = Waits()
    for second in range(61):
        lanes = {
            name: LaneView(issued=10_000 + 5 * second, serving=5 * second, calls=5 * second)
            for name in (LANE, "urgent")
        }
        view = RoomView(room="booking", epoch="e", now=1000.0 + second, leader=False, lanes=lanes)
        waits.observe(view, {LANE: 10_000, "urgent": urgent_waiting})
    waits.expect(None, plan(1060.0, 60.0, (50.0, 10.0), (10.0, 10.0)))
    assert waits.raw(LANE, 569) == pytest.approx(expected, rel=0.05)


def test_the_upper_end_rises_only_after_three_looks_and_with_a_reason() -> None:
    """When the backend gets slower, the promise stands for two looks more and then says why it is broken."""
    made = queue()
    first = made.shown(1000)[1]
    promised = made.now + first
    made.run(40, 2.0)
    for _ in range(LOOKS - 1):
        made.run(3, 2.0)
        wait = made.waits.shown("e", LANE, 1, 880)
        assert wait is not None
        assert made.now + wait.high <= promised + 15  # rounded outward
        assert wait.slower == ""
    made.run(3, 2.0)
    wait = made.waits.shown("e", LANE, 1, 880)
    assert wait is not None
    assert made.now + wait.high > promised + 60
    assert wait.slower == "backend"


@given(st.lists(st.tuples(st.floats(0.3, 5.0), st.floats(0.5, 12.0), st.integers(0, 3000)), min_size=1, max_size=40))
def test_no_flapping(story: list[tuple[float, float, int]]) -> None:
    """Whatever pace and place do, the promised moment moves back only after three looks, and then it is said."""
    made = queue()
    until, raised_at, looks = float("inf"), -1e9, 0
    for pause, rate, ahead in story:
        made.run(max(1.0, round(pause)), rate)
        wait = made.waits.shown("e", LANE, 1, ahead)
        assert wait is not None
        assert wait.low <= wait.high
        looks += 1
        moment = made.waits._promises["e", LANE, 1].until
        if moment > until:
            assert looks >= LOOKS, "three looks between two raises"
            assert made.now - raised_at >= (LOOKS - 1) * PATIENCE
            assert wait.slower != ""
            raised_at, looks = made.now, 0
        until = moment


def test_realised_waits_are_judged_by_what_was_shown_first() -> None:
    """Inside, earlier and later are told apart; a ticket that this gateway had shown nothing teaches nothing."""
    made = queue()
    for number, wanted in ((1, Outcome.INSIDE), (2, Outcome.EARLIER), (3, Outcome.LATER)):
        low, high = made.shown(500, number=number)
        waited = {Outcome.INSIDE: (low + high) / 2, Outcome.EARLIER: low - 2, Outcome.LATER: high + 2}[wanted]
        assert made.waits.admitted("e", LANE, number, made.now + waited) is wanted
    assert made.waits.admitted("e", LANE, 99, made.now) is None


def test_ranges_learn_to_hold_eight_of_ten() -> None:
    """Waits that are half as long again as computed are inside the range after some dozens of them."""
    calibration, inside = Calibration(), 0
    for number in range(400):
        low, high = calibration.bounds(100.0)
        waited = 150.0 * (0.8 + 0.4 * (number * 0.618 % 1))
        inside += low <= waited <= high if number >= 200 else 0
        calibration.learn(100.0, waited, 100.0 * number, earlier=waited < low, later=waited > high)
    assert 0.74 <= inside / 200 <= 0.95

"""Plays whole days: up to millions of visitors, the real core, none of the web.

Visitors are rows of compact arrays and their next looks stand in a calendar of ticks, so that a million of them take
seconds. The room is the real reference model, led by a real `LiveRoom` that follows a rate set by hand: its lanes, its
pacing and its answer to no-shows decide whom to call. The same day and seed give the same outcome, to the last digit.
"""

from array import array
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from math import inf
from random import Random

from gateway.core.admission import AdmissionPolicy
from gateway.core.control import Control
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.room import Standing
from gateway.core.room_model import RoomModel
from gateway.core.visits import VisitPolicy
from tests.sim.day import Day, DayOutcome, Fate, LaneOutcome, Minute, State

ROOM = "booking"
EPOCH = 1_000_000.0


def play(day: Day) -> DayOutcome:
    """Play the day until the last one is in or gone."""
    return _Play(day).whole()


class _Play:
    """The day under way."""

    def __init__(self, day: Day) -> None:
        self.day, self.chance = day, Random(day.seed)
        self.names = tuple(day.lanes)
        self.mix = list(accumulate(day.mix[name] for name in self.names))[:-1]
        self.model = RoomModel(room=ROOM, epoch="e1", lanes=self.names, max_waiting=day.visitors, grace=day.grace)
        policy = RoomPolicy(
            lanes=day.lanes,
            admission=AdmissionPolicy(),
            visits=VisitPolicy(),
            pools={"primary": None},
            longest_delay=day.longest_poll / 2,
        )
        self.room = LiveRoom(name=ROOM, policy=policy)
        self.outcome = DayOutcome(lanes={name: LaneOutcome() for name in self.names})
        self.turn, self.shortest, self.longest = 0, 1.0 / day.tick, day.longest_poll / day.tick
        self.control, self.rate = b"", -1.0
        # One row per visitor, in order of arrival; `fate_at` is the turn at which one leaves or goes away for a while.
        self.arrivals = day.arrivals(self.chance)
        self.lane, self.fate, self.state, self.slow = bytearray(), bytearray(), bytearray(), bytearray()
        self.number, self.fate_at = array("i"), array("i")
        self.calendar: dict[int, list[int]] = {}
        self.beats: dict[str, list[int]] = {name: [] for name in self.names}
        self.fed = dict.fromkeys(self.names, 0.0)
        self.left_called, self.moved = 0, 0.0

    @property
    def true(self) -> float:
        return self.turn * self.day.tick

    @property
    def now(self) -> float:
        return EPOCH + self.day.clock(self.true)

    def whole(self) -> DayOutcome:
        come, tick = 0, self.day.tick
        while come < len(self.arrivals) or self.calendar:
            end = (self.turn + 1) * tick
            self._gateway()
            while come < len(self.arrivals) and self.arrivals[come] < end:
                self._join(come)
                come += 1
            for row in self.calendar.pop(self.turn, ()):
                self._look(row)
            self.turn += 1
        for _ in range(round((self.day.grace + self.day.claim_window) / tick) + 1):
            self._gateway()  # who vanished is passed over or missed at last
            self.turn += 1
        self._account()
        return self.outcome

    # The gateway -----------------------------------------------------------------------------------------

    def _gateway(self) -> None:
        day, room, model, now = self.day, self.room, self.model, self.now
        if self.turn % max(1, round(1 / day.tick)) == 0:
            model.touch(self.beats, now)
            for beats in self.beats.values():
                beats.clear()
            model.sweep(now, keep_claims=900.0)
        if (rate := day.rate(self.true)) != self.rate:
            self.rate, action = rate, "rate" if rate else "pause"
            by_hand = Control(action=action, rate=rate, author="sim", reason="capacity", until=inf)
            self.control = by_hand.to_bytes()
        view = replace(model.view(now), control=self.control)
        room.observe(view)
        calls = room.step(view)
        called = model.call(calls.wanted, now, day.claim_window, calls.credit)
        for name, lane in view.lanes.items():
            if called[name] or not lane.waiting or not rate:
                self.fed[name] = self.true
            outcome = self.outcome.lanes[name]
            outcome.longest_drought = max(outcome.longest_drought, self.true - self.fed[name])
        if not view.waiting or any(called.values()) or not rate:
            self.moved = self.true
        self.outcome.longest_stall = max(self.outcome.longest_stall, self.true - self.moved)
        self.outcome.calls.append(sum(lane.calls for lane in view.lanes.values()))
        self._note_minute(view.waiting)

    def _note_minute(self, waiting: int) -> None:
        outcome = self.outcome
        outcome.most_waiting = max(outcome.most_waiting, waiting)
        minute = int(self.true // 60)
        while len(outcome.minutes) <= minute:
            outcome.minutes.append(Minute())
        now = outcome.minutes[minute]
        now.wanted += self.rate * self.day.tick
        now.busy = now.busy and waiting > self.rate > 0

    # A visitor -------------------------------------------------------------------------------------------

    def _join(self, row: int) -> None:
        day, chance = self.day, self.chance
        drawn = chance.random()
        lane = bisect_right(self.mix, drawn)
        joined = self.model.join(self.names[lane], self.now, "primary")
        assert joined.standing is not Standing.FULL
        drawn, fate, at = chance.random(), Fate.COMES, 0
        if drawn < day.leavers + day.absent:
            fate = Fate.LEAVES if drawn < day.leavers else Fate.ABSENT
            at = self.turn + round((5 + 295 * chance.random()) / day.tick)
        elif drawn < day.leavers + day.absent + day.no_shows_at(self.true):
            fate = Fate.NEVER_CLAIMS
        self.lane.append(lane)
        self.slow.append(chance.random() < day.slow)
        self.fate.append(fate)
        self.fate_at.append(at)
        self.number.append(joined.number)
        self.state.append(State.WAITING)
        if joined.standing is Standing.CLAIMED:
            self._admitted(row)
        else:
            self._later(row)

    def _later(self, row: int) -> None:
        """Come back after half of the time that is left, as the gateway would tell the visitor to."""
        name = self.names[self.lane[row]]
        view = self.room.view
        assert view is not None
        ahead, rate = self.number[row] - view.lanes[name].serving, self.room.lane_rate(name)
        if self.slow[row]:
            turns = self.longest  # a page in the background wakes seldom
        elif rate:
            turns = max(self.shortest, min(ahead / rate / 2 / self.day.tick, self.longest))
        else:
            turns = self.longest / 6
        turn = self.turn + max(1, round(turns * (0.9 + 0.2 * self.chance.random())))
        self.calendar.setdefault(turn, []).append(row)

    def _look(self, row: int) -> None:
        name, number, fate, view = self.names[self.lane[row]], self.number[row], self.fate[row], self.room.view
        assert view is not None
        self.outcome.polls += 1
        served = view.lanes[name].serving >= number
        if fate == Fate.LEAVES and self.turn >= self.fate_at[row]:
            before = self.model.view(self.now).lanes[name].called
            assert self.model.leave(name, number, "e1")
            self.left_called += before - self.model.view(self.now).lanes[name].called
            self.state[row] = State.LEFT
        elif fate == Fate.ABSENT and self.turn >= self.fate_at[row]:
            self.fate[row] = Fate.BACK
            away = round((60 + 540 * self.chance.random()) / self.day.tick)
            self.calendar.setdefault(self.turn + away, []).append(row)
        elif not served:
            self.beats[name].append(number)
            self._later(row)
        elif fate == Fate.NEVER_CLAIMS:
            self.state[row] = State.VANISHED
        else:
            self._claim(row, name, number)

    def _claim(self, row: int, name: str, number: int) -> None:
        claim = self.model.claim(name, number, "e1", self.now, "primary")
        match claim.standing:
            case Standing.CLAIMED:
                self.room.no_show.note_claim(name, number)
                self._admitted(row)
            case Standing.GONE:
                self.state[row] = State.LOST
            case _:
                # Whoever was always there and finds the turn gone has been passed by somebody behind.
                self.outcome.inversions += self.fate[row] != Fate.BACK
                self._later(row)

    def _admitted(self, row: int) -> None:
        self.outcome.double_admissions += self.state[row] == State.ADMITTED
        self.state[row] = State.ADMITTED
        wait = max(0.0, self.true - self.arrivals[row])
        self.outcome.lanes[self.names[self.lane[row]]].waits.append(wait)
        self.outcome.minutes[int(self.true // 60)].claims += 1

    # The end ---------------------------------------------------------------------------------------------

    def _account(self) -> None:
        outcome, view = self.outcome, self.model.view(self.now)
        outcome.states = {state: self.state.count(state) for state in State}
        lanes = view.lanes.values()
        outcome.unaccounted = (
            outcome.states[State.WAITING]
            + abs(self.day.visitors - sum(outcome.states.values()))
            + abs(sum(lane.issued for lane in lanes) - self.day.visitors)
            + abs(sum(lane.claims for lane in lanes) - outcome.states[State.ADMITTED])
            + abs(sum(lane.leavers for lane in lanes) - outcome.states[State.LEFT])
            + view.waiting
            + sum(lane.called for lane in lanes)
        )
        ended = sum(lane.claims + lane.no_shows for lane in lanes) + self.left_called
        outcome.called_twice = abs(sum(lane.calls for lane in lanes) - ended)

"""A light simulation of honest waits: the real room, lanes, pacing and estimates; visitors as a heap of next looks.

The rate at which visits can be let in is given by the scenario, as a controller would find it, and wanders as one
does; what is in question is only what people are told. Everything is drawn from one seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from math import exp, log
from random import Random
from statistics import median

from forecasting.contract import ForecastRecord
from gateway.core.admission import AdmissionPolicy
from gateway.core.control import Control
from gateway.core.eta import Wait, poll_after
from gateway.core.lanes import LanePolicy
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.room import Standing
from gateway.core.room_model import RoomModel
from gateway.core.ticket import Ticket
from gateway.core.visits import VisitPolicy
from tests.plans import plan

EPOCH, ROOM, TICK = 1_000_000.0, "booking", 0.25
TURNS_A_SECOND = 4
UNREST, MEMORY = 0.15, 30.0
"""How far the capacity wanders by itself, relative, and for how many seconds it stays there."""
CLAIM_WINDOW, LONGEST_POLL, GRACE = 30.0, 20.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """One stretch of demand: visits/s that come and that can be let in, by second; shares are of visits."""

    name: str
    seconds: float
    arrivals: Callable[[float], float]
    capacity: Callable[[float], float]
    plan: float | None = 1.0
    leavers: float = 0.1
    no_shows: float = 0.1
    urgent: float = 0.0
    patience: float = 300.0
    seed: int = 1


@dataclass(slots=True)
class Told:
    """What visitors were told first against what became of them."""

    inside: int = 0
    earlier: int = 0
    later: int = 0
    unknown: int = 0
    errors: list[float] = field(default_factory=list)

    @property
    def known(self) -> int:
        return self.inside + self.earlier + self.later

    def figures(self) -> tuple[float, float, float, float]:
        """Return the shares inside and later, the median relative error of the middle, and the share unknown."""
        known = max(1, self.known)
        error = median(self.errors) if self.errors else 0.0
        return self.inside / known, self.later / known, error, self.unknown / max(1, self.known + self.unknown)


@dataclass(slots=True)
class _Visitor:
    ticket: Ticket
    leaves_at: float
    silent: bool
    no_show: bool
    first: tuple[float, Wait | None, float | None] | None = None


class Play:
    """Plays one morning."""

    def __init__(self, morning: Morning) -> None:
        self.morning = morning
        self.chance, self.unrest = Random(morning.seed), Random(-morning.seed)
        lanes = {"regular": LanePolicy(target_wait=600.0)}
        if morning.urgent:
            lanes = {"urgent": LanePolicy(target_wait=60.0), **lanes}
        self.model = RoomModel(room=ROOM, epoch="e", lanes=tuple(lanes), max_waiting=10**9, grace=GRACE)
        policy = RoomPolicy(lanes=lanes, admission=AdmissionPolicy(), visits=VisitPolicy(), pools={"primary": None})
        self.live = LiveRoom(name=ROOM, policy=policy, record=self._plan())
        self.told = Told()
        self._heap: list[tuple[float, int, _Visitor]] = []
        self._count = 0
        self._wander = 0.0

    def _plan(self) -> ForecastRecord | None:
        if self.morning.plan is None:
            return None
        minutes = range(0, int(self.morning.seconds) + 60, 60)
        rates = ((self.morning.arrivals(t), self.morning.capacity(t) * self.morning.plan) for t in minutes)
        return plan(EPOCH, 60.0, *rates)

    def run(self) -> Told:
        """Play to the end and return what came of it."""
        ticks = int(self.morning.seconds / TICK)
        for number in range(ticks):
            now = EPOCH + number * TICK
            self._arrive(now)
            self._look(now)
            self._lead(now, tidy=number % TURNS_A_SECOND == 0)
        return self.told

    def _lead(self, now: float, *, tidy: bool) -> None:
        self._wander += -TICK / MEMORY * self._wander + UNREST * (2 * TICK / MEMORY) ** 0.5 * self.unrest.gauss(0, 1)
        rate = self.morning.capacity(now - EPOCH) * exp(self._wander)
        control = Control(action="rate", rate=rate, author="sim", reason="sim", until=now + 60)
        view = replace(self.model.view(now), control=control.to_bytes())
        if tidy:
            self.model.sweep(now, 900.0)
            self.live.profiles = self.model.presence(now)
        self.live.observe(view)
        calls = self.live.step(view)
        self.model.call(calls.wanted, now, CLAIM_WINDOW, calls.credit)

    def _arrive(self, now: float) -> None:
        expected = self.morning.arrivals(now - EPOCH) * TICK
        count = int(expected) + (self.chance.random() < expected % 1)
        for _ in range(count):
            lane = "urgent" if self.chance.random() < self.morning.urgent else "regular"
            joined = self.model.join(lane, now, "primary")
            if joined.standing is not Standing.WAITING:
                continue
            ticket = Ticket(room=ROOM, epoch="e", lane=lane, number=joined.number, joined_at=now)
            leaves = self.chance.random() < self.morning.leavers
            after = -log(1 - self.chance.random()) * self.morning.patience if leaves else 1e9
            silent, no_show = self.chance.random() < 0.5, self.chance.random() < self.morning.no_shows
            self._see(_Visitor(ticket, now + after, silent, no_show), now)

    def _look(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            visitor = heappop(self._heap)[2]
            ticket = visitor.ticket
            if now >= visitor.leaves_at:
                if not visitor.silent:
                    self.model.leave(ticket.lane, ticket.number, "e")
                continue
            if ticket.number <= self.model.lanes[ticket.lane].serving:
                if visitor.no_show:
                    continue
                claim = self.model.claim(ticket.lane, ticket.number, "e", now, "primary")
                if claim.standing is Standing.CLAIMED:
                    self._admitted(visitor, now)
                    continue
            self._see(visitor, now)

    def _see(self, visitor: _Visitor, now: float) -> None:
        ticket = visitor.ticket
        self.model.touch({ticket.lane: [ticket.number]}, now)
        wait = self.live.wait(ticket) if self.live.view else None
        if visitor.first is None:
            ahead = self.live.ahead(ticket)
            raw = self.live.waits.raw(ticket.lane, ahead) if ahead is not None else None
            visitor.first = (now, wait, None if raw is None else self.live.waits.calibration.middle(raw))
        after = poll_after(wait, self.chance.random(), longest=LONGEST_POLL)
        self._count += 1
        heappush(self._heap, (min(now + after, max(visitor.leaves_at, now + TICK)), self._count, visitor))

    def _admitted(self, visitor: _Visitor, now: float) -> None:
        self.live.note_admitted(visitor.ticket, now)
        assert visitor.first is not None
        at, wait, middle = visitor.first
        if wait is None or middle is None:
            self.told.unknown += 1
            return
        waited = now - at
        self.told.inside += wait.low <= waited <= wait.high
        self.told.earlier += waited < wait.low
        self.told.later += waited > wait.high
        if waited > 10:
            self.told.errors.append(abs(middle - waited) / waited)

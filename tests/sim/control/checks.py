"""What is promised in every morning of the control loop, whatever goes wrong.

No over-admission: nobody is let in twice. The calls of a tick are at most what the pacer holds, a second of the
rate or LEAST, made up for no-shows; so a clock that jumps by an hour calls no more than that at once. A pause calls
nobody, and a rate set by hand is kept over its whole span. Visits inside are at most one and a half of what the
windows allowed in the last SPAN seconds (a visit lasts, so a window that shrinks is met late, but the rate is
nought from there on), TEN, those who were called, and what a second of the rate brings. From RECOVERED seconds
after the last trouble and the last change of demand, no request waits longer than WAIT seconds.

No deadlock: with the store, a pool and people there, and nobody pausing (a pause ends by the store's clock, so one
that steps back prolongs it), somebody is called within LONGEST seconds; from RECOVERED seconds after the last
trouble, over the rest of a crowd, at least half of what the primary can do is booked.

No starvation: of DROUGHT calls while a lane has people waiting it gets one (a floor of 0.05, so every 20th call, after
at most 50 for what it got too much, and 50 by which gateways differ in that);
within a lane the order of calls is that of the tickets, but for those who missed a turn.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

from gateway.core.pacing import LEAST

if TYPE_CHECKING:
    from tests.sim.control.world import Gateway, World

SPAN, TEN, LONGEST, RECOVERED, WAIT = 12.0, 10.0, 12.0, 25.0, 5.0
DROUGHT = 130


class Broken(AssertionError):
    """A promise that was not kept."""


class Checks:
    """Watches one world; `booked` counts visits that ended."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.booked = 0
        self.inside: set[tuple[str, int]] = set()
        self.last: dict[str, int] = {}
        self.windows: deque[tuple[float, float]] = deque()
        self.rates: deque[tuple[float, float]] = deque()
        self.moved_at = 0.0
        self.unheard: dict[str, int] = {}
        self.turns: set[tuple[str, int]] = set()
        self.by_hand: list[float] = []
        self.hand = 0.0
        self.crowd_from: float | None = None
        self.crowd_booked = 0
        self.crowd_work = 0.0

    def broken(self, what: str) -> None:
        """Say what was broken, when, and how to see it again."""
        plan = self.world.plan
        raise Broken(
            f"seed {plan.seed}, second {self.world.at:.1f}: {what}\n{plan}\n"
            + (f"to see it: python -m tests.sim.control {plan.seed}")
        )

    def clock_jumped(self) -> None:
        """The store's clock jumps now: who waits for a moment of it waits anew."""
        self.moved_at = self.world.at

    def admitted(self, lane: str, number: int) -> None:
        """Somebody is let in."""
        if (lane, number) in self.inside:
            self.broken(f"{lane} {number} was let in twice")
        self.inside.add((lane, number))

    def called(self, gateway: "Gateway", called: dict[str, list[int]], credit: int) -> None:
        """The leader has called; `credit` may go straight in before its next turn."""
        room, at = gateway.room, self.world.at
        count = sum(map(len, called.values()))
        most = max(LEAST, 1 + room.rate * room.pacer.burst) / room.no_show.worth + 1
        if count > most:
            self.broken(f"{count} called at once at {room.rate:.1f} visits/s")
        if room.reason.value == "paused" and count:
            self.broken(f"{count} called while paused")
        if room.reason.value != "manual" or room.rate != self.hand:
            self.by_hand, self.hand = [], room.rate
        self.by_hand.append(count * room.no_show.worth)
        if (
            room.reason.value == "manual"
            and sum(self.by_hand) > room.rate * 0.2 * (len(self.by_hand) + 1) + max(LEAST, 1 + room.rate) + 1
        ):
            self.broken(
                f"{sum(self.by_hand):.1f} arrivals called in {len(self.by_hand)} ticks at {room.rate:.2f}/s by hand"
            )
        for lane, numbers in called.items():
            for number in numbers:
                if number <= self.last.get(lane, 0) and (lane, number) not in self.turns:
                    self.broken(f"{lane}: {number} called after {self.last[lane]}")
                self.last[lane] = max(number, self.last.get(lane, 0))
                self.turns.add((lane, number))
        if count or credit:
            self.moved_at = at
        lanes: Any = room.view.lanes if room.view else {}
        for name, lane in lanes.items():
            heard = called.get(name) or lane.waiting == 0
            self.unheard[name] = 0 if heard else self.unheard.get(name, 0) + count
            if self.unheard[name] > DROUGHT:
                self.broken(f"lane {name} got none of {DROUGHT} calls with {lane.waiting} waiting")

    def look(self) -> None:
        """At the end of a tick: windows against those inside, and whether anything moves."""
        world = self.world
        rooms = [gateway.room for gateway in world.gateways if gateway.away <= world.at]
        if rooms:
            # Any of them may lead, and those that were away know less.
            allowed = max(sum(a.window * r.open_share(name) for name, a in r.admissions.items()) for r in rooms)
            self.windows.append((world.at, allowed))
        while self.windows and self.windows[0][0] < world.at - SPAN:
            self.windows.popleft()
        inside = sum(len(share.visits) for load in world.loads.values() for share in load.shares.values())
        most = max((window for _, window in self.windows), default=1e9)
        manual = any(trouble.kind == "rate" for trouble in world.plan.troubles)
        second = max((gateway.room.rate for gateway in world.gateways), default=0.0)
        self.rates.append((world.at, second))
        while self.rates[0][0] < world.at - SPAN:
            self.rates.popleft()
        second = max(rate for _, rate in self.rates)
        if inside > 1.5 * most + TEN + self._coming() + second and not manual:
            self.broken(f"{inside} inside, where the windows allowed {most:.0f}")
        self._moves()
        self._crowd()
        self._waits()

    def _coming(self) -> float:
        """Visits that a call may still bring: called and on their way."""
        return float(len(self.world.claims))

    def _moves(self) -> None:
        world = self.world
        dead = all(not load.workers for load in world.loads.values())
        stopped = dead or not world.store_up or self._by_hand() or world.on("pause")
        away = all(gateway.away > world.at for gateway in world.gateways)
        crowded = sum(len(share.visits) for load in world.loads.values() for share in load.shares.values())
        if stopped or away or not world.waiting or crowded > 1.5 * world.plan.workers + 20:
            self.moved_at = world.at
        elif world.at - self.moved_at > LONGEST:
            self.broken(f"{len(world.waiting)} wait and nobody was called for {LONGEST:g} s")

    def _crowd(self) -> None:
        world = self.world
        if (
            self._by_hand()
            or world.at < world.plan.quiet_from + RECOVERED
            or len(world.waiting) < 3 * world.plan.capacity + 20
        ):
            self.crowd_from = None
            return
        if self.crowd_from is None:
            self.crowd_from, self.crowd_booked, self.crowd_work = world.at, self.booked, 0.0
        self.crowd_work += 0.2 * world.plan.capacity
        visit = world.plan.requests * (world.plan.think + world.plan.service)
        if world.at - self.crowd_from >= 10.0 + visit and self.booked - self.crowd_booked < 0.5 * self.crowd_work:
            self.broken(
                f"{self.booked - self.crowd_booked} booked of {self.crowd_work:.0f} that fit, with people waiting"
            )

    def _by_hand(self) -> bool:
        """Whether a setting of the operator is in force anywhere."""
        rooms = [gateway.room for gateway in self.world.gateways]
        return any(room.view is not None and room.control.active(room.view.now) for room in rooms)

    def _waits(self) -> None:
        plan, at = self.world.plan, self.world.at
        changed = max(begin for begin, _ in plan.demand if begin <= at)
        if at < max(plan.quiet_from, changed) + RECOVERED or any(trouble.kind == "rate" for trouble in plan.troubles):
            return
        for name, load in self.world.loads.items():
            waits = sum(share.open for share in load.shares.values()) * plan.service / plan.workers
            if waits > WAIT + load.slow * plan.service:
                self.broken(f"requests wait {waits:.1f} s for pool {name}")

    def finish(self) -> None:
        """At the end of the morning."""
        if self.booked == 0 and len(self.inside) > 50:
            self.broken("many were let in and nobody was served")

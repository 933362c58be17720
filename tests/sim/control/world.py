"""A morning of the control loop, played: the real rooms, lanes, calls and limits on a clock of 0.2 s a tick.

Every visit is a whole; only the requests at the nodes are a fluid. Nothing waits for anything, so a morning takes a
tenth of a second. What is promised is checked while it goes on (`checks.py`).
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any

from forecasting.contract import ForecastRecord, PlanStep
from gateway.core.admission import AdmissionPolicy
from gateway.core.control import Control
from gateway.core.lanes import LanePolicy
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.room import Standing
from gateway.core.spillover import SpilloverPolicy
from gateway.core.visits import VisitPolicy
from gateway.store.memory_room import MemoryRooms
from gateway.store.room_options import RoomOptions
from tests.sim.control.checks import Checks
from tests.sim.control.load import PoolLoad, Share
from tests.sim.control.mornings import ControlMorning, Trouble

ROOM, TICK, EPOCH, LEASE = "booking", 0.2, 1_000_000.0, 1.5


def now(asked: "Coroutine[Any, Any, Any]") -> Any:
    """Return what a coroutine that waits for nothing returns."""
    try:
        asked.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the reference store never waits")


@dataclass(slots=True)
class Gateway:
    """One gateway of the morning; away: dead or frozen until then."""

    name: str
    room: LiveRoom
    away: float = 0.0


@dataclass
class World:
    """Plays one morning."""

    plan: ControlMorning
    at: float = 0.0
    offset: float = 0.0
    gone_until: float = 0.0
    number: int = 0
    waiting: dict[tuple[str, int], bool] = field(default_factory=dict)
    claims: list[tuple[float, int, str, int]] = field(default_factory=list)
    leaving: list[tuple[float, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = self.plan
        self.chance = Random(-plan.seed)
        options = RoomOptions(lanes=tuple(plan.lanes), max_waiting=100_000, grace=1e6, claim_window=15.0)
        self.store = MemoryRooms({ROOM: options}, lambda: EPOCH + self.at + self.offset)
        now(self.store.open(ROOM, None))
        pools: dict[str, SpilloverPolicy | None] = {"primary": None}
        if plan.backup:
            pools["backup"] = SpilloverPolicy(warmup=plan.warmup, hold=20.0)
        visit = plan.requests * (plan.think + plan.service)
        policy = RoomPolicy(
            lanes={name: LanePolicy(target_wait=target) for name, target in plan.lanes.items()},
            admission=AdmissionPolicy(),
            visits=VisitPolicy(duration=visit * 2, requests=6, idle=1e6),
            pools=pools,
        )
        self.gateways = [Gateway(f"g{n}", LiveRoom(name=ROOM, policy=policy)) for n in range(plan.gateways)]
        self.loads = {
            name: PoolLoad(
                service=plan.service,
                think=plan.think,
                requests=plan.requests,
                workers=plan.workers,
                whole=plan.workers,
                shares={gateway.name: Share() for gateway in self.gateways},
            )
            for name in pools
        }
        for gateway in self.gateways:
            gateway.room.record = self._record()
        self.checks = Checks(self)

    def play(self) -> Checks:
        """Play to the end; raises Broken at the first promise that is not kept."""
        for tick in range(round(self.plan.seconds / TICK)):
            self.at = tick * TICK
            self._troubles()
            self._arrive()
            self._come()
            for pool, load in self.loads.items():
                load.slow = self._slowness() * self._coldness(pool)
                self._end(pool, load.step(TICK, self.at))
            for gateway in self.gateways:
                if gateway.away <= self.at and self.store_up:
                    self._tick(gateway, tick)
            self.checks.look()
        self.checks.finish()
        return self.checks

    @property
    def store_up(self) -> bool:
        return self.at >= self.gone_until

    def on(self, kind: str) -> Trouble | None:
        """Return a trouble of this kind that goes on now."""
        return next((t for t in self.plan.troubles if t.kind == kind and t.at <= self.at < t.until), None)

    def workers(self, pool: str) -> float:
        """Workers that the pool has now."""
        if pool != "primary":
            return 0.0 if self.on("all") else self.plan.workers
        if self.on("all") or (self.on("node") and not self.plan.backup):
            return 0.0
        return self.plan.workers / 2 if self.on("half") or self.on("node") else self.plan.workers

    def _slowness(self) -> float:
        return 2.0 if self.on("slow") else 1.0

    def _coldness(self, pool: str) -> float:
        spillover = self.gateways[0].room.spillovers.get(pool)
        if spillover is None or spillover.opened_at is None or not self.plan.warmup:
            return 1.0
        warm = min(1.0, (EPOCH + self.at + self.offset - spillover.opened_at) / self.plan.warmup)
        return 3.0 - 2.0 * max(0.0, warm)

    def _troubles(self) -> None:
        for pool, load in self.loads.items():
            load.workers = self.workers(pool)
        for trouble in self.plan.troubles:
            if not trouble.at <= self.at < trouble.at + TICK:
                continue
            match trouble.kind:
                case "forward" | "back":
                    self.offset += trouble.amount if trouble.kind == "forward" else -trouble.amount
                    self.checks.clock_jumped()
                case "store":
                    self.gone_until = trouble.until
                case "leader" | "frozen":
                    leader = next((g for g in self.gateways if g.room.view and g.room.view.leader), self.gateways[0])
                    leader.away = trouble.until if len(self.gateways) > 1 or trouble.kind == "frozen" else 0.0
                case "pause" | "rate":
                    until = EPOCH + self.at + self.offset + trouble.until - trouble.at
                    control = Control(
                        action=trouble.kind, rate=trouble.amount, author="sim", reason="trouble", until=until
                    )
                    now(self.store.set_control(ROOM, control.to_bytes()))

    def _arrive(self) -> None:
        due = self.plan.rate(self.at) * TICK
        count = int(due) + (self.chance.random() < due - int(due))
        alive = [gateway for gateway in self.gateways if gateway.away <= self.at and gateway.room.view]
        for _ in range(count if self.store_up and alive else 0):
            gateway, lane = self.chance.choice(alive), self.chance.choice(list(self.plan.lanes))
            joined = now(self.store.join(ROOM, lane, pool=gateway.room.pick_pool()))
            if joined.standing is Standing.CLAIMED:
                self._enter(gateway, lane, joined.number, joined.pool)
                continue
            self.waiting[lane, joined.number] = self.chance.random() >= self.plan.no_shows
            if self.chance.random() < self.plan.leavers:
                heappush(self.leaving, (self.at + self.chance.uniform(1, 20), lane, joined.number))

    def _come(self) -> None:
        if not self.store_up:
            return
        epoch = now(self.store.open(ROOM, None))
        while self.leaving and self.leaving[0][0] <= self.at:
            _, lane, number = heappop(self.leaving)
            if self.waiting.pop((lane, number), None) is not None:
                now(self.store.leave(ROOM, lane, number, epoch))
        alive = [gateway for gateway in self.gateways if gateway.away <= self.at]
        while self.claims and self.claims[0][0] <= self.at and alive:
            _, _, lane, number = heappop(self.claims)
            gateway = self.chance.choice(alive)
            claim = now(self.store.claim(ROOM, lane, number, epoch, pool=gateway.room.pick_pool()))
            if claim.standing is Standing.CLAIMED:
                gateway.room.no_show.note_claim(lane, number)
                self._enter(gateway, lane, number, claim.pool)
            elif claim.standing is Standing.RETURNING:
                self.waiting[lane, number] = True

    def _enter(self, gateway: Gateway, lane: str, number: int, pool: str) -> None:
        self.checks.admitted(lane, number)
        visit = f"{lane}{number}"
        gateway.room.ledger.note_request(visit, pool, self.at)
        share = self.loads[pool].shares[gateway.name]
        share.visits.append(visit)
        share.open += 1

    def _end(self, pool: str, over: dict[str, list[str]]) -> None:
        for gateway in self.gateways:
            for visit in over[gateway.name]:
                ledger = gateway.room.ledger
                ledger.note_request(visit, pool, self.at, self.plan.requests - 1)
                ledger.end(visit, self.at)
                self.checks.booked += 1

    def _tick(self, gateway: Gateway, tick: int) -> None:
        room = gateway.room
        report = room.report({name: load.reading(gateway.name) for name, load in self.loads.items()}).to_bytes()
        view = now(self.store.view(ROOM, owner=gateway.name, lease=LEASE, report=report))
        room.observe(view)
        if tick % 5 == 0:
            now(self.store.sweep(ROOM, owner=gateway.name))
        calls = room.step(view)
        if view.leader:
            self._call(gateway, calls.wanted, calls.credit)

    def _call(self, gateway: Gateway, wanted: Any, credit: int) -> None:
        lanes = self.store._models[ROOM].lanes
        before = {name: (lane.serving, set(lane.called)) for name, lane in lanes.items()}
        now(self.store.call(ROOM, wanted, owner=gateway.name, credit=credit))
        called = {name: sorted(set(lane.called) - before[name][1]) for name, lane in lanes.items()}
        for lane, numbers in called.items():
            for number in numbers:
                if self.waiting.pop((lane, number), False):
                    self.number += 1
                    delay = self.plan.claim_delay * self.chance.uniform(0.5, 1.5)
                    heappush(self.claims, (self.at + delay, self.number, lane, number))
        self.checks.called(gateway, called, credit)

    def _record(self) -> ForecastRecord | None:
        plan = self.plan
        if plan.forecast is None:
            return None
        capacity = dict.fromkeys(self.loads, plan.capacity)
        steps = []
        for number in range(int(plan.seconds / 5) + 2):
            rate = plan.rate(number * 5.0) * plan.forecast
            spilled = min(0.5, max(0.0, 1 - plan.capacity / rate)) if plan.backup and rate else 0.0
            share = {"primary": 1 - spilled} | ({"backup": spilled} if plan.backup else {})
            steps.append(
                PlanStep(
                    at=EPOCH + number * 5.0,
                    q10=rate * 0.8,
                    q50=rate,
                    q90=rate * 1.2,
                    q95=rate * 1.3,
                    admission_rate=0.9 * sum(capacity.values()),
                    pool_share=share,
                )
            )
        return ForecastRecord(
            room=ROOM,
            version="sim",
            model="curve",
            made_at=EPOCH,
            expires_at=EPOCH + min(plan.stale_at, 1e6),
            step_seconds=5.0,
            capacity=capacity,
            steps=tuple(steps),
        )

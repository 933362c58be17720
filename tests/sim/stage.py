"""The gateways of a simulated morning: the real rooms, pools, reception and loops on virtual time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from forecasting.contract import ForecastRecord, PlanStep
from gateway.build import classifier, pool_policy, room_options
from gateway.core.cohort import SEED_BYTES
from gateway.core.health import HealthPolicy
from gateway.core.keyring import KeyRing
from gateway.core.known_openings import Opening, prequeue_now
from gateway.core.lanes import LanePolicy
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.ticket import Ticket
from gateway.core.visits import VisitPolicy
from gateway.errors import StoreUnavailable
from gateway.loops.admit import AdmissionLoop
from gateway.loops.follow_forecast import ForecastFollower
from gateway.proxy.pool import Pool
from gateway.sections import PoolSettings, RoomSettings
from gateway.settings import Settings
from gateway.store.memory_room import MemoryRooms
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.web.answers import Answers
from gateway.web.identities import Identities
from gateway.web.newcomers import Arriving
from gateway.web.reception import Reception
from gateway.web.site import Site
from gateway.web.tokens import Tokens
from tests.sim.backend import SimNode
from tests.sim.scenario import Scenario

ROOM = "booking"
EPOCH = 1_000_000.0
KEYS = KeyRing({"k1": bytes(32)})


class WatchedRooms(MemoryRooms):
    """The reference rooms; counts inversions at every call, and can be gone for a while."""

    present: Mapping[str, set[int]]
    order: list[tuple[str, int]]
    inversions = 0
    gone = False

    def _check(self) -> None:
        if self.gone:
            raise StoreUnavailable("the store is gone")

    async def view(self, room: str, **named: Any) -> Any:
        self._check()
        return await super().view(room, **named)

    async def join(self, room: str, lane: str, **named: Any) -> Any:
        self._check()
        return await super().join(room, lane, **named)

    async def claim(self, room: str, lane: str, number: int, epoch: str, *, pool: str) -> Any:
        self._check()
        return await super().claim(room, lane, number, epoch, pool=pool)

    async def touch(self, room: str, tickets: Mapping[str, Sequence[int]]) -> None:
        self._check()
        await super().touch(room, tickets)

    async def sweep(self, room: str, *, owner: str) -> int | None:
        self._check()
        return await super().sweep(room, owner=owner)

    async def call(self, room: str, wanted: Mapping[str, int], *, owner: str, credit: int) -> dict[str, int] | None:
        self._check()
        lanes = self._models[room].lanes
        before = {name: lane.serving for name, lane in lanes.items()}
        called = await super().call(room, wanted, owner=owner, credit=credit)
        for name, lane in lanes.items():
            for position in range(before[name] + 1, lane.serving + 1):
                number = lane.ticket(position)
                if number in lane.called:
                    self.order.append((name, number))
                passed = number in self.present[name] and number not in lane.called and number not in lane.claimed
                self.inversions += passed
        return called


@dataclass(frozen=True, slots=True)
class InLane:
    """Somebody who comes for a place in a lane; nobody knows who it is."""

    lane: str

    def home(self) -> str:
        return ""

    def arriving(self, unlucky: Ticket | None = None) -> Arriving:
        return Arriving(lane=self.lane, rule="curve")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimGateway:
    """One gateway: its picture of the room, its pools, its loops."""

    site: Site
    room: LiveRoom
    pools: Mapping[str, Pool]
    reception: Reception
    answers: Answers
    admitting: AdmissionLoop
    following: ForecastFollower


def settings_of(scenario: Scenario) -> Settings:
    """Return a configuration as an operator would write it for this portal."""
    health = HealthPolicy(interval=1.0)
    pools = {"primary": PoolSettings(nodes=("http://primary",), health=health)}
    if scenario.backup:
        pools["backup"] = PoolSettings(nodes=("http://backup",), role="backup", warmup=scenario.warmup, hold=30.0)
    duration = scenario.requests * (sum(scenario.think) / 2 + scenario.service_time)
    room = RoomSettings(
        lanes={"urgent": LanePolicy(target_wait=30.0), "regular": LanePolicy(target_wait=300.0)},
        longest_poll=10.0,
        presence_grace=30.0,
        claim_window=30.0,
        visits=VisitPolicy(duration=duration, requests=scenario.requests, idle=60.0),
    )
    return Settings(pools=pools, rooms={ROOM: room}, access_log="off")


def build_gateway(
    name: str, settings: Settings, store: WatchedRooms, chance: Random, opening: Opening | None = None
) -> SimGateway:
    """Return one gateway on the running loop's time, built of the real parts."""
    loop, rules, metrics = asyncio.get_running_loop(), settings.rooms[ROOM], Metrics()
    pools = {
        pool: Pool.build(
            pool,
            facts.nodes,
            pool_policy(settings, facts),
            clock=loop.time,
            chance=chance.random,
        )
        for pool, facts in settings.pools.items()
    }
    policy = RoomPolicy(
        lanes=rules.lanes,
        admission=rules.admission,
        visits=rules.visits,
        pools={pool: facts.spillover() if facts.role == "backup" else None for pool, facts in settings.pools.items()},
    )
    room = LiveRoom(name=ROOM, policy=policy)
    site = Site(
        settings=settings,
        rooms={ROOM: room},
        store=store,
        answers=cast(Any, None),
        upstream=cast(Any, None),
        classifier=classifier(settings),
        tokens=Tokens(KEYS),
        identities=Identities(settings.identity),
        pages=cast(Any, None),
        metrics=metrics,
        access_log=AccessLog("off", loop.time),
        clock=loop.time,
        wall=store._clock,
        chance=chance.random,
    )
    return SimGateway(
        site=site,
        room=room,
        pools=pools,
        reception=Reception(site),
        answers=Answers(site),
        admitting=AdmissionLoop(
            room,
            store,
            name,
            lambda: {pool: p.reading() for pool, p in pools.items()},
            metrics,
            loop.time,
            opening=lambda now: prequeue_now([opening] if opening else [], now),
            new_seed=lambda: chance.randbytes(SEED_BYTES),
        ),
        following=ForecastFollower(room, store, metrics, lambda: site.store_now(room)),
    )


def build_store(settings: Settings, clock: Any) -> WatchedRooms:
    """Return the store of the room."""
    return WatchedRooms({ROOM: room_options(settings.rooms[ROOM])}, clock)


def plan(scenario: Scenario, step: float = 5.0, headroom: float = 0.1) -> ForecastRecord | None:
    """Return the published record: the curve times its error, and the plan that follows from it."""
    if scenario.forecast_error is None:
        return None
    each = scenario.pool_capacity * (1 - headroom)
    capacity = {"primary": scenario.pool_capacity} | ({"backup": scenario.pool_capacity} if scenario.backup else {})
    steps = []
    for number in range(int(scenario.seconds / step) + 1):
        expected = scenario.forecast((number + 0.5) * step) * scenario.forecast_error
        high = expected * 1.2
        spilled = min(max(0.0, high - each), each) / max(min(high, 2 * each), 1e-9) if scenario.backup else 0.0
        steps.append(
            PlanStep(
                at=EPOCH + number * step,
                q10=expected * 0.8,
                q50=expected,
                q90=high,
                q95=expected * 1.3,
                admission_rate=each * len(capacity),
                pool_share={"primary": 1 - spilled} | ({"backup": spilled} if scenario.backup else {}),
            )
        )
    return ForecastRecord(
        room=ROOM,
        version="sim",
        model="curve",
        made_at=EPOCH,
        expires_at=EPOCH + 10 * scenario.seconds,
        step_seconds=step,
        capacity=capacity,
        steps=tuple(steps),
    )


def build_nodes(settings: Settings, model: Any, warm: Any, chance: Random) -> dict[str, SimNode]:
    """Return the nodes by URL: the primary warm, the backup cold."""
    return {
        url: SimNode(warm if facts.role == "primary" else model, chance)
        for facts in settings.pools.values()
        for url in facts.nodes
    }

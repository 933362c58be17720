"""A simulated morning: people, gateways and backends on one virtual clock.

People join by the curve, obey `Retry-After`, claim, and then ask `requests` times with pauses for thought. Some close
the page without a word (no-shows), some leave properly. Everything between them and the simulated nodes is the
gateway's own code. The same scenario and seed give the same morning, to the last digit.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from random import Random

from gateway.core.decide import Forward
from gateway.core.eta import Wait
from gateway.core.known_openings import Opening
from gateway.core.passes import Pass
from gateway.core.ticket import Ticket
from gateway.errors import StoreUnavailable, UpstreamFailed
from gateway.loops.admit import INTERVAL
from gateway.web.room_api import now_serving
from loadtests.backend.service import ServiceModel
from tests.sim.clockwork import run
from tests.sim.scenario import Outcome, Scenario
from tests.sim.stage import EPOCH, ROOM, InLane, SimGateway, build_gateway, build_nodes, build_store, plan, settings_of

QUEUE_TIMEOUT = 15.0
TRIES = 4
WEIGHTS = (0.6, 1.0, 1.4, 1.0)


def play(scenario: Scenario) -> Outcome:
    """Play the morning and return what came of it."""
    outcome: Outcome = run(_World(scenario).morning())
    return outcome


class _World:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.chance = Random(scenario.seed)
        self.admitted: set[str] = set()
        self.outcome = Outcome()
        self.settings = settings_of(scenario)
        self.offset = 0.0
        self.present: dict[str, set[int]] = {"urgent": set(), "regular": set()}
        self.looks: dict[str, tuple[float, float, float]] = {}

    async def morning(self) -> Outcome:
        self.loop = asyncio.get_running_loop()
        self.store = build_store(self.settings, lambda: EPOCH + self.loop.time() + self.offset)
        self.store.present, self.store.order = self.present, self.outcome.called
        await self.store.open(ROOM, None)
        if (record := plan(self.scenario)) is not None:
            self.store.set_plan(ROOM, record.to_json().encode())
        cold = ServiceModel(
            workers=self.scenario.workers,
            service_time=self.scenario.service_time,
            warmup=self.scenario.warmup,
            cold_factor=3.0,
        )
        seed = self.scenario.seed
        self.nodes = build_nodes(self.settings, cold, dataclasses.replace(cold, warmup=0.0), Random(-seed))
        opening = None
        if self.scenario.opening is not None:
            begins, opens = self.scenario.opening
            opening = Opening(opens_at=int(EPOCH + opens), begins_at=EPOCH + begins)
        self.gateways = [
            build_gateway(f"g{n}", self.settings, self.store, Random(seed * 100 + n), opening)
            for n in range(self.scenario.gateways)
        ]
        tasks = [self.loop.create_task(self._gateway(gateway)) for gateway in self.gateways]
        tasks += [self.loop.create_task(self._fate()), self.loop.create_task(self._watch())]
        visits = [self.loop.create_task(self._visit(at, n)) async for n, at in self._arrivals()]
        await asyncio.sleep(max(0.0, self.scenario.seconds - self.loop.time()))
        self._close()
        for task in [*tasks, *visits]:
            if task.done() and not task.cancelled():
                task.result()
            task.cancel()
        await asyncio.gather(*tasks, *visits, return_exceptions=True)
        return self.outcome

    async def _arrivals(self) -> "AsyncIterator[tuple[int, float]]":
        most, number, at = max(rate for _, rate in self.scenario.curve), 0, 0.0
        while at < self.scenario.curve[-1][0]:
            at += self.chance.expovariate(most)
            if self.chance.random() < self.scenario.arrivals(at) / most:
                await asyncio.sleep(max(0.0, at - self.loop.time()))
                number += 1
                yield number, at

    # The machinery ---------------------------------------------------------------------------------------

    async def _gateway(self, gateway: SimGateway) -> None:
        turn = 0
        while True:
            try:
                for pool in gateway.pools.values():
                    pool.measure()
                await gateway.admitting.tick()
                if turn % 10 == 0:
                    await gateway.admitting.tidy()
                    await gateway.following.look()
                    for pool in gateway.pools.values():
                        for url in pool.urls():
                            pool.note_health(url, self.nodes[url].up)
            except StoreUnavailable:
                await asyncio.sleep(0.2)
            turn += 1
            await asyncio.sleep(INTERVAL)
            if gateway not in self.gateways:
                return

    async def _fate(self) -> None:
        scenario, events = self.scenario, []
        events += [(c.at, lambda c=c: self.nodes[f"http://{c.pool}"].resize(c.workers)) for c in scenario.changes]
        if scenario.gateway_dies is not None:
            events.append((scenario.gateway_dies, lambda: self.gateways.pop(0)))
        if scenario.store_gone is not None:
            events += [
                (at, lambda gone=gone: self._lose(gone)) for at, gone in zip(scenario.store_gone, (1, 0), strict=True)
            ]
        if scenario.clock_jump is not None:
            events.append((scenario.clock_jump[0], lambda: setattr(self, "offset", scenario.clock_jump[1])))
        for at, event in sorted(events, key=lambda pair: pair[0]):
            await asyncio.sleep(at - self.loop.time())
            event()

    def _lose(self, gone: int) -> None:
        self.store.gone = bool(gone)

    async def _watch(self) -> None:
        leader, opened = None, False
        while True:
            await asyncio.sleep(0.5)
            room = self.gateways[0].room
            if room.view is None:
                continue
            self.outcome.most_waiting = max(self.outcome.most_waiting, room.view.waiting)
            inside = sum(g.room.ledger.total for g in self.gateways)
            self.outcome.most_inside = max(self.outcome.most_inside, inside)
            leads = [id(g) for g in self.gateways if g.room.view and g.room.view.leader]
            self.outcome.most_leaders = max(self.outcome.most_leaders, len(leads))
            if leads and leads[0] != leader:
                leader, self.outcome.leaders = leads[0], self.outcome.leaders + 1
            for backup in room.spillovers.values():
                if backup.opened_at is not None and not opened:
                    self.outcome.backup_opened.append((self.loop.time(), backup.reason.value))
                opened = backup.opened_at is not None

    def _close(self) -> None:
        view = self.store._models[ROOM].view(0.0)
        self.outcome.no_shows = sum(lane.no_shows for lane in view.lanes.values())
        self.outcome.leavers = sum(lane.leavers for lane in view.lanes.values())
        self.outcome.left_waiting = sum(len(numbers) for numbers in self.present.values())
        self.outcome.inversions = self.store.inversions
        self.outcome.served = now_serving(self.gateways[0].room)

    # A person --------------------------------------------------------------------------------------------

    def _ask_whom(self, number: int, chance: Random) -> SimGateway:
        if self.scenario.sticky:
            return self.gateways[number % len(self.gateways)]
        return chance.choice(self.gateways)

    async def _visit(self, at: float, number: int) -> None:
        # Each person has a chance of their own, so that the same people come whatever happens to them.
        scenario, chance = self.scenario, Random(self.scenario.seed * 1_000_003 + number)
        lane = "urgent" if chance.random() < scenario.urgent else "regular"
        fate, when = chance.random(), self.loop.time() + 1 + 20 * chance.random()
        silent = when if fate < scenario.no_shows else None
        leaving = when if scenario.no_shows <= fate < scenario.no_shows + scenario.leavers else None
        held: Ticket | None = None
        self.outcome.arrived += 1
        while True:
            gateway = self._ask_whom(number, chance)
            self.outcome.asks[int(self.loop.time())] += 1
            outcome = await gateway.reception.receive(
                gateway.room, express=False, newcomer=InLane(lane), held=held, admission=None
            )
            decision = outcome.decision
            if isinstance(decision, Forward):
                break
            if held is None and decision.ticket is not None:
                held = decision.ticket
                self.outcome.joined += 1
                self.present[lane].add(held.number)
            elif held is not None and decision.ticket is not None and decision.ticket.visit != held.visit:
                self.outcome.lost_places += 1
                self._forget(held)
                held = decision.ticket
            wait = gateway.room.wait(held) if held else None
            if held is not None:
                self._look(held, wait)
            pause = gateway.answers.retry_after(gateway.room, decision.reason, wait)
            if held and silent is not None and self.loop.time() + pause >= silent:
                self._forget(held)
                return
            if held and leaving is not None and self.loop.time() + pause >= leaving:
                await self.store.leave(ROOM, held.lane, held.number, held.epoch)
                self._forget(held)
                return
            await asyncio.sleep(pause)
        assert decision.admission is not None
        self._admitted(lane, held, at, decision.admission)
        await self._book(number, decision.admission, chance)

    def _look(self, held: Ticket, wait: Wait | None) -> None:
        if wait is None:
            self.outcome.unknown += 1
        else:
            self.looks.setdefault(held.visit, (self.loop.time(), wait.low, wait.high))

    def _forget(self, held: Ticket) -> None:
        self.present[held.lane].discard(held.number)
        self.looks.pop(held.visit, None)

    def _admitted(self, lane: str, held: Ticket | None, at: float, admission: Pass) -> None:
        now = self.loop.time()
        self.outcome.admitted += 1
        self.outcome.claims.append(now)
        self.outcome.double_admissions += admission.visit in self.admitted
        self.admitted.add(admission.visit)
        self.outcome.waits[lane].append(now - at)
        self.outcome.pools[admission.pool] = self.outcome.pools.get(admission.pool, 0) + 1
        if held is None:
            self.outcome.joined += 1
            return
        self.outcome.entries[held.lane, held.number] = at, now
        if (first := self.looks.pop(held.visit, None)) is not None:
            shown_at, low, high = first
            self.outcome.looks += 1
            self.outcome.looks_inside += low <= now - shown_at <= high
        self._forget(held)

    async def _book(self, number: int, admission: Pass, chance: Random) -> None:
        for turn in range(self.scenario.requests):
            for _ in range(TRIES):
                gateway = self._ask_whom(number, chance)
                again = await gateway.reception.receive(
                    gateway.room, express=False, newcomer=None, held=None, admission=admission
                )
                self.outcome.sent_back += not isinstance(again.decision, Forward)
                try:
                    await self._request(gateway, admission, turn)
                    break
                except UpstreamFailed:
                    self.outcome.failed += 1
                    await asyncio.sleep(2.0)
            else:
                return
            if turn < self.scenario.requests - 1:
                await asyncio.sleep(chance.uniform(*self.scenario.think))
        self.outcome.booked.append(self.loop.time())
        gateway.room.ledger.end(admission.visit, self.loop.time())

    async def _request(self, gateway: SimGateway, admission: Pass, turn: int) -> None:
        reading = gateway.room.totals.pools.get(admission.pool)
        name = admission.pool if reading is None or reading.healthy else gateway.room.pick_pool()
        began = self.loop.time()
        gateway.room.ledger.note_request(admission.visit, name, began)
        pool = gateway.pools[name]
        node = await pool.acquire(QUEUE_TIMEOUT)
        started, latency = self.loop.time(), None
        try:
            await self.nodes[node.url].serve(WEIGHTS[turn % len(WEIGHTS)])
            latency = self.loop.time() - started
        finally:
            pool.release(node, f"step {turn % len(WEIGHTS)}", latency)
        self.outcome.answers.append(self.loop.time() - began)

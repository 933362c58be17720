"""The admission loop: read the room once, decide once, write once; ten times a second.

Every gateway reads and learns; only the one that holds the lease calls.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict

from gateway.core.advice import quieter_after
from gateway.core.cohort import SEED_BYTES, Cohort, CohortChange, wanted_cohort
from gateway.core.known_openings import Opening
from gateway.core.live_room import LiveRoom
from gateway.core.reports import PoolReading
from gateway.core.room import RoomView
from gateway.errors import StoreUnavailable
from gateway.ports import RoomStore
from gateway.telemetry.events import event
from gateway.telemetry.metrics import Metrics

INTERVAL = 0.1
LEASE = 1.5


class AdmissionLoop:
    """Ticks one room."""

    def __init__(
        self,
        room: LiveRoom,
        store: RoomStore,
        owner: str,
        readings: Callable[[], Mapping[str, PoolReading]],
        metrics: Metrics,
        clock: Callable[[], float],
        opening: Callable[[float], Opening | None] = lambda now: None,
        new_seed: Callable[[], bytes] = lambda: secrets.token_bytes(SEED_BYTES),
    ) -> None:
        self._room = room
        self._store = store
        self._owner = owner
        self._readings = readings
        self._metrics = metrics
        self._clock = clock
        self._opening = opening
        self._new_seed = new_seed
        self._reason = ""
        self._pools = ""
        self._cohort: Cohort | None = None

    async def tick(self) -> None:
        """One turn of the loop; StoreUnavailable marks the room so that the gate knows."""
        room = self._room
        room.ledger.sweep(self._clock())
        report = room.report(self._readings()).to_bytes()
        try:
            view = await self._store.view(room.name, owner=self._owner, lease=LEASE, report=report)
            if not view.epoch:
                await self._store.open(room.name, room.view)
                return
            room.observe(view)
            calls = room.step(view)
            if view.leader:
                await self._lead_opening(view)
                await self._store.call(room.name, calls.wanted, owner=self._owner, credit=calls.credit)
        except StoreUnavailable:
            room.store_up = False
            self._metrics.store_up.set(0)
            raise
        self._metrics.store_up.set(1)
        self._note()

    async def _lead_opening(self, view: RoomView) -> None:
        """Begin a pre-queue and open the room when it is time; the store sees to it that it happens once."""
        openings, due = self._room.openings, self._opening(view.now)
        if due is not None and due.opens_at == openings.skipped:
            due = None
        wanted = wanted_cohort(view.cohort, openings.known, due, view.now, self._new_seed())
        if wanted is None:
            return
        change = await self._store.hold_cohort(self._room.name, wanted, owner=self._owner)
        if change is CohortChange.BUSY:
            openings.skipped = wanted.opens_at
            event("opening_without_shuffle", room=self._room.name, opens_at=wanted.opens_at)

    async def tidy(self) -> None:
        """Once a second: hand heartbeats over, follow the backend's word on slots, renew what all visitors are told.

        The leader sweeps and counts.
        """
        room, store = self._room, self._store
        beats, room.heartbeats = room.heartbeats, {}
        tickets = {lane: sorted(numbers) for lane, numbers in beats.items() if numbers}
        if tickets:
            await store.touch(room.name, tickets)
        await self._follow_supply()
        view = room.view
        if view is not None and view.leader:
            await store.sweep(room.name, owner=self._owner)
            await store.count_present(room.name)
            if view.waiting == 0 and await store.roll(room.name, owner=self._owner) not in (None, view.epoch):
                event("epoch_rolled", room=room.name, epoch=view.epoch)
        if view is not None:
            room.quieter_after = quieter_after(room.fresh_record(view.now), view.now)
            room.profiles = await store.presence(room.name)

    async def _follow_supply(self) -> None:
        room = self._room
        control = room.supply.take(room.control, room.view.now) if room.view is not None else None
        if control is not None:
            await self._store.set_control(room.name, control.to_bytes())
            event("room_controlled", room=room.name, **asdict(control))

    async def resign(self) -> None:
        """Give the lease back so that another gateway leads at once."""
        try:
            await self._store.view(self._room.name, owner=self._owner, lease=0.0, report=b"")
        except StoreUnavailable:
            return

    def _note(self) -> None:
        room, view = self._room, self._room.view
        assert view is not None
        for name in view.lanes:
            self._metrics.waiting.labels(room.name, name).set(room.present(name))
        self._metrics.stretch.labels(room.name).set(room.scheduler.stretch)
        self._metrics.no_shows.show(room.name, sum(lane.no_shows for lane in view.lanes.values()))
        self._metrics.leavers.show(room.name, sum(lane.leavers for lane in view.lanes.values()))
        reason = room.reason.value
        if self._reason and reason != self._reason:
            self._metrics.rate.remove(room.name, self._reason)
        self._reason = reason
        self._metrics.rate.labels(room.name, reason).set(room.rate)
        opened = {name: s.reason.value for name, s in room.spillovers.items() if s.opened_at is not None}
        for pool in room.policy.pools:
            self._metrics.pool_share.labels(pool).set(room.open_share(pool))
        if (pools := repr(opened)) != self._pools:
            if self._pools:
                event("pools_open", room=room.name, backups=opened, waiting=view.waiting)
            self._pools = pools
        self._note_opening(room.openings.cohort)

    def _note_opening(self, cohort: Cohort | None) -> None:
        if cohort is None or cohort == self._cohort:
            return
        self._cohort = cohort
        room, opens_at, seed_hash = self._room.name, cohort.opens_at, cohort.seed_hash
        if cohort.opened:
            seed, ranges = cohort.published_seed, dict(cohort.ranges)
            event("opened", room=room, opens_at=opens_at, seed_hash=seed_hash, seed=seed, cohort=ranges)
        else:
            event("prequeue", room=room, opens_at=opens_at, seed_hash=seed_hash)

"""Rooms in Redis or Valkey: each port method is one script, so no state change is ever half done."""

import secrets
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, cast

import orjson

from forecasting.contract import plan_key
from gateway.core.cohort import Cohort, CohortChange
from gateway.core.presence import PresenceProfile, read_profiles
from gateway.core.room import NOWHERE, SCAN_LIMIT, Claim, Joined, LaneView, RoomView, Standing
from gateway.errors import StoreUnavailable
from gateway.store.cohort_wire import cohort_arguments, packed_tickets, read_cohort, room_arguments
from gateway.store.connect import FAILURES, Client, close_client
from gateway.store.keys import NODES_KEY, control_key, person_keys, presence_key, room_keys, ticket_keys
from gateway.store.room_options import RoomOptions
from gateway.store.scripts import NAMES, source

SWEEP_LIMIT = 1000
UNSEEN_OPENING = -1
BLOCKS = 512
"""Most blocks of the presence profile of one lane."""
TOUCH_LIMIT = 4000


class RedisRooms:
    """The port RoomStore on Redis or Valkey, one server or many; times come from the server's clock."""

    def __init__(self, client: Client, rooms: Mapping[str, RoomOptions]) -> None:
        self._client = client
        self._rooms = dict(rooms)
        self._keys = {name: room_keys(name, options.lanes) for name, options in rooms.items()}
        self._ticket_keys = {(n, lane): ticket_keys(n, lane) for n, options in rooms.items() for lane in options.lanes}
        self._fences: dict[str, int] = {}
        self._issued: dict[tuple[str, str], int] = {}
        self._epochs: dict[str, str] = {}
        self._cohorts: dict[str, Cohort | None] = {}
        self._serving: dict[tuple[str, str], int] = {}
        self._scripts = {name: client.register_script(source(name)) for name in NAMES}

    @property
    def client(self) -> Client:
        """The client, for others who keep something in the same store."""
        return self._client

    async def _run(self, script: str, room: str, *args: str | int | bytes) -> Any:
        lanes = self._rooms[room].lanes
        return await self._script(script, self._keys[room], len(lanes), *args, *lanes)

    async def _script(self, script: str, keys: Sequence[str], *args: str | int | bytes) -> Any:
        try:
            return await self._scripts[script](keys=keys, args=args)
        except FAILURES as error:
            raise StoreUnavailable(f"{script}: {error}") from error

    def _fence(self, room: str) -> int:
        """The fence under which this gateway led when it last looked: what it has decided since then."""
        return self._fences.get(room, 0)

    async def open(self, room: str, seed: RoomView | None) -> str:
        """Create the room unless it exists; `seed` gives epoch and counters of a room that was lost."""
        counters: list[int] = []
        for lane in self._rooms[room].lanes:
            known = seed.lanes.get(lane, LaneView()) if seed else LaneView()
            counters += [known.issued, known.serving]
        epoch = seed.epoch if seed and seed.epoch else secrets.token_hex(4)
        return cast(
            bytes, await self._run("open", room, epoch, *counters, *room_arguments(seed, self._rooms[room].lanes))
        ).decode()

    async def view(self, room: str, *, owner: str, lease: float, report: bytes) -> RoomView:
        """Read the room; an epoch of "" means that the room is lost and must be opened again."""
        age = int(self._rooms[room].report_age * 1000)
        raw = await self._run("view", room, owner, int(lease * 1000), report, age)
        now, epoch = raw[0] / 1000, raw[1].decode()
        lanes = self._rooms[room].lanes
        if not epoch:
            return RoomView(room=room, epoch="", now=now, leader=False, lanes={n: LaneView() for n in lanes})
        self._fences[room] = raw[2]
        counted = dict(zip(lanes, raw[6:-1], strict=True))
        self._note_issued(room, {name: counts[0] for name, counts in counted.items()}, epoch)
        cohort = self._cohorts[room] = read_cohort(raw[-1], lanes)
        self._serving.update({(room, name): counts[1] for name, counts in counted.items()})
        reports = {raw[5][i].decode(): raw[5][i + 1] for i in range(0, len(raw[5]), 2)}
        return RoomView(
            room=room,
            epoch=epoch,
            now=now,
            leader=raw[2] > 0,
            fence=raw[2],
            credit=raw[3],
            control=raw[4],
            reports=reports,
            lanes={name: _lane_view(counts) for name, counts in counted.items()},
            cohort=cohort,
        )

    def _note_issued(self, room: str, issued: Mapping[str, int], epoch: str) -> None:
        fresh = self._epochs.get(room) != epoch
        self._epochs[room] = epoch
        for lane, number in issued.items():
            self._issued[room, lane] = number if fresh else max(self._issued.get((room, lane), 0), number)

    async def join(
        self, room: str, lane: str, *, pool: str, person: bytes = b"", over: tuple[str, int] = NOWHERE
    ) -> Joined:
        """Hand out the next number, or claim it at once when nobody waits and there is credit; one place per person."""
        lanes, most = self._rooms[room].lanes, self._rooms[room].max_waiting
        known = self._issued.get((room, lane), 0)
        keys = person_keys(room, lane, lanes, person) if person else self._ticket_keys[room, lane]
        looked_at = self._epochs.get(room, "")
        # The bucket stands for two bytes of the person.
        raw = await self._script("join", keys, lane, most, pool, known, looked_at, person[2:], *over, *lanes)
        standing = raw[0].decode()
        if standing == "lost":
            raise StoreUnavailable("join: the room is not open")
        epoch = raw[2].decode()
        if standing != Standing.KEPT and epoch == self._epochs.get(room):
            self._issued[room, lane] = max(self._issued.get((room, lane), 0), raw[1])
        return Joined(
            standing=Standing(standing), lane=raw[4].decode(), number=raw[1], epoch=epoch, now=raw[3] / 1000, pool=pool
        )

    async def claim(self, room: str, lane: str, number: int, epoch: str, *, pool: str) -> Claim:
        """Take the turn; the first claim wins and repetitions get the same answer."""
        if lane not in self._rooms[room].lanes:
            return Claim(standing=Standing.STALE)
        place = self._place(room, lane, number)
        raw = await self._script("claim", self._ticket_keys[room, lane], lane, number, epoch, pool, *place)
        standing = raw[0].decode()
        if standing == "lost":
            raise StoreUnavailable("claim: the room is not open")
        if standing == "over":
            return Claim(standing=Standing.GONE, let_in=True)
        return Claim(standing=Standing(standing), claimed_at=raw[1] / 1000, pool=raw[2].decode())

    async def leave(self, room: str, lane: str, number: int, epoch: str) -> bool:
        """Give the place up; returns whether there was one."""
        if lane not in self._rooms[room].lanes:
            return False
        keys = self._ticket_keys[room, lane]
        left = await self._script("leave", keys, lane, number, epoch, *self._place(room, lane, number))
        if left == UNSEEN_OPENING:
            fence = self._fence(room)
            await self.view(room, owner="", lease=0.0, report=b"")
            self._fences[room] = fence  # to have looked as nobody changes nothing about who leads
            left = await self._script("leave", keys, lane, number, epoch, *self._place(room, lane, number))
        return bool(left == 1)

    def _place(self, room: str, lane: str, number: int) -> tuple[int, int]:
        """Return the position of a ticket, and the opening that was looked at for it (0 for none)."""
        cohort = self._cohorts.get(room)
        if cohort is None or not cohort.covers(lane, number):
            return number, 0
        return cohort.position(lane, number), cohort.opens_at

    async def standing(self, room: str, lane: str, number: int, epoch: str) -> Standing:
        """Tell how a place stands and change nothing."""
        if lane not in self._rooms[room].lanes:
            return Standing.STALE
        keys = self._ticket_keys[room, lane]
        standing = (await self._script("standing", keys, lane, number, epoch)).decode()
        if standing == "lost":
            raise StoreUnavailable("standing: the room is not open")
        return Standing(standing)

    async def touch(self, room: str, tickets: Mapping[str, Sequence[int]]) -> None:
        """Note heartbeats of the epoch that was looked at last, by lane; unknown lanes are left out."""
        epoch = self._epochs.get(room, "")
        for lane, numbers in tickets.items():
            if (keys := self._ticket_keys.get((room, lane))) is not None:
                for start in range(0, len(numbers), TOUCH_LIMIT):
                    await self._script("touch", keys, lane, epoch, *numbers[start : start + TOUCH_LIMIT])

    async def call(self, room: str, wanted: Mapping[str, int], *, owner: str, credit: int) -> dict[str, int] | None:
        """Call present visits and set the credit; None when `owner` does not hold the lease."""
        options = self._rooms[room]
        window = int(options.claim_window * 1000)
        counts = [wanted.get(lane, 0) for lane in options.lanes]
        tickets = [
            value
            for lane, count in zip(options.lanes, counts, strict=True)
            for value in packed_tickets(self._cohorts.get(room), lane, self._serving.get((room, lane), 0), count)
        ]
        fence = self._fence(room)
        raw = await self._run("call", room, owner, fence, window, credit, SCAN_LIMIT, *counts, *tickets)
        return dict(zip(options.lanes, raw, strict=True)) if raw else None

    async def sweep(self, room: str, *, owner: str) -> int | None:
        """End overdue calls, forget old claims, age presence; None when `owner` is not the leader."""
        options = self._rooms[room]
        keep, grace = int(options.keep_claims * 1000), int(options.grace * 1000)
        missed = await self._run("sweep", room, owner, self._fence(room), keep, grace, SWEEP_LIMIT)
        return None if missed < 0 else int(missed)

    async def count_present(self, room: str) -> None:
        """Count who is present in all lanes, for every gateway to read."""
        await self._run("presence", room, BLOCKS)

    async def presence(self, room: str) -> dict[str, PresenceProfile]:
        """Return what was counted last, by lane."""
        raw = await self._command("presence", self._client.get(presence_key(room)))
        return read_profiles(orjson.loads(raw)) if raw else {}

    async def roll(self, room: str, *, owner: str) -> str | None:
        """Begin a new epoch if the room is empty and has handed out enough; None when `owner` is not the leader."""
        options = self._rooms[room]
        quiet, epoch = int(options.quiet * 1000), secrets.token_hex(4)
        now = await self._run("roll", room, owner, self._fence(room), options.roll_after, quiet, epoch)
        return cast(bytes, now).decode() or None

    async def hold_cohort(self, room: str, wanted: Cohort, *, owner: str) -> CohortChange | None:
        """Begin the cohort of an opening or open it, once whoever asks; None when `owner` is not the leader."""
        arguments = cohort_arguments(wanted, self._rooms[room].lanes)
        change = cast(bytes, await self._run("cohort", room, owner, self._fence(room), *arguments)).decode()
        return CohortChange(change) if change else None

    async def set_control(self, room: str, control: bytes) -> None:
        """Store the operator's settings of the room."""
        await self._command("set control", self._client.set(control_key(room), control))

    async def plan(self, room: str) -> bytes:
        """Return the published forecast record, or b"" when there is none."""
        return cast(bytes | None, await self._command("plan", self._client.get(plan_key(room)))) or b""

    async def change_node(self, place: str, change: bytes) -> None:
        """Store an operator's command about a node, in the place of the one before."""
        try:
            await self._client.hset(NODES_KEY, place, change)
        except FAILURES as error:
            raise StoreUnavailable(f"change_node: {error}") from error

    async def node_changes(self) -> Mapping[str, bytes]:
        """Return the last command about every node that had one."""
        try:
            raw = await cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(NODES_KEY))
        except FAILURES as error:
            raise StoreUnavailable(f"node_changes: {error}") from error
        return {place.decode(): change for place, change in raw.items()}

    async def ping(self) -> None:
        """Return when the server answers."""
        await self._command("ping", self._client.ping())

    async def close(self) -> None:
        """Release the connections; never raises for a server that is gone."""
        try:
            await close_client(self._client)
        except FAILURES:
            return

    @staticmethod
    async def _command(name: str, pending: Awaitable[Any]) -> Any:
        try:
            return await pending
        except FAILURES as error:
            raise StoreUnavailable(f"{name}: {error}") from error


def _lane_view(counts: Sequence[int]) -> LaneView:
    issued, serving, left, called, returning, calls, claims, no_shows, leavers, head = counts
    return LaneView(
        issued=issued,
        serving=serving,
        left=left,
        called=called,
        returning=returning,
        calls=calls,
        claims=claims,
        no_shows=no_shows,
        leavers=leavers,
        head_joined_at=head / 1000 if head else None,
    )

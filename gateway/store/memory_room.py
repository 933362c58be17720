"""Rooms in memory: the reference model behind the store's port, for simulation and contract tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.core.cohort import Cohort, CohortChange
from gateway.core.presence import PresenceProfile
from gateway.core.room import NOWHERE, Claim, Joined, RoomView, Standing
from gateway.core.room_model import RoomModel
from gateway.store.room_options import RoomOptions


@dataclass(slots=True)
class _Lease:
    owner: str = ""
    until: float = 0.0
    fence: int = 0
    seen: dict[str, int] = field(default_factory=dict)


class MemoryRooms:
    """The port RoomStore on `RoomModel`; `clock` gives the store's time in seconds."""

    def __init__(self, rooms: Mapping[str, RoomOptions], clock: Callable[[], float]) -> None:
        self._options = dict(rooms)
        self._clock = clock
        self._models: dict[str, RoomModel] = {}
        self._leases = {name: _Lease() for name in rooms}
        self._profiles: dict[str, Mapping[str, PresenceProfile]] = {}
        self._looked_at: dict[str, str] = {}
        self._reports: dict[str, dict[str, tuple[float, bytes]]] = {name: {} for name in rooms}
        self._control: dict[str, bytes] = {}
        self._plans: dict[str, bytes] = {}
        self._node_changes: dict[str, bytes] = {}

    async def open(self, room: str, seed: RoomView | None) -> str:
        """Create the room unless it exists."""
        if room not in self._models:
            options = self._options[room]
            epoch = seed.epoch if seed and seed.epoch else f"e{int(self._clock() * 1000):x}"
            model = RoomModel(
                room=room,
                epoch=epoch,
                lanes=options.lanes,
                max_waiting=options.max_waiting,
                grace=options.grace,
            )
            for name, lane in (seed.lanes if seed else {}).items():
                model.lanes[name].issued = lane.issued
                model.lanes[name].serving = lane.serving
            model.set_cohort(seed.cohort if seed else None)
            self._models[room] = model
        return self._models[room].epoch

    async def view(self, room: str, *, owner: str, lease: float, report: bytes) -> RoomView:
        """Read the room, taking or renewing the lease."""
        now, held = self._clock(), self._leases[room]
        # A lease that ends later than any could is one of before the clock stepped back: nobody waits for its end.
        over, stale = held.until <= now, held.until > now + 2 * lease
        if lease > 0 and (held.owner == owner or over or stale):
            held.fence += held.owner != owner or over
            held.owner, held.until = owner, now + lease
        elif lease == 0 and held.owner == owner:
            held.until = 0.0
        if report:
            self._reports[room][owner] = now, report
        age = self._options[room].report_age
        fresh = {who: (at, body) for who, (at, body) in self._reports[room].items() if abs(now - at) <= age}
        self._reports[room] = fresh
        leads = lease > 0 and held.owner == owner
        self._looked_at[room] = self._models[room].epoch
        held.seen[owner] = held.fence if leads else 0
        return replace(
            self._models[room].view(now, leader=leads),
            fence=held.seen[owner],
            reports={who: body for who, (_, body) in fresh.items()},
            control=self._control.get(room, b""),
        )

    def _leads(self, room: str, owner: str) -> bool:
        held = self._leases[room]
        return held.owner == owner and held.until > self._clock() and held.seen.get(owner) == held.fence

    async def join(
        self, room: str, lane: str, *, pool: str, person: bytes = b"", over: tuple[str, int] = NOWHERE
    ) -> Joined:
        """Hand out the next number, one to a person."""
        return self._models[room].join(lane, self._clock(), pool, person, over)

    async def claim(self, room: str, lane: str, number: int, epoch: str, *, pool: str) -> Claim:
        """Take the turn."""
        return self._models[room].claim(lane, number, epoch, self._clock(), pool)

    async def leave(self, room: str, lane: str, number: int, epoch: str) -> bool:
        """Give the place up."""
        return self._models[room].leave(lane, number, epoch)

    async def standing(self, room: str, lane: str, number: int, epoch: str) -> Standing:
        """Tell how a place stands."""
        return self._models[room].standing(lane, number, epoch)

    async def touch(self, room: str, tickets: Mapping[str, Sequence[int]]) -> None:
        """Note heartbeats of the epoch that was looked at last."""
        if self._looked_at.get(room) == self._models[room].epoch:
            self._models[room].touch(tickets, self._clock())

    async def call(self, room: str, wanted: Mapping[str, int], *, owner: str, credit: int) -> dict[str, int] | None:
        """Call present visits if `owner` leads."""
        if not self._leads(room, owner):
            return None
        return self._models[room].call(wanted, self._clock(), self._options[room].claim_window, credit)

    async def sweep(self, room: str, *, owner: str) -> int | None:
        """End overdue calls if `owner` leads."""
        if not self._leads(room, owner):
            return None
        return self._models[room].sweep(self._clock(), self._options[room].keep_claims)

    async def count_present(self, room: str) -> None:
        """Count who is present."""
        self._profiles[room] = self._models[room].presence(self._clock())

    async def presence(self, room: str) -> Mapping[str, PresenceProfile]:
        """Return what was counted last."""
        return self._profiles.get(room, {})

    async def roll(self, room: str, *, owner: str) -> str | None:
        """Begin a new epoch if `owner` leads and the room is empty."""
        if not self._leads(room, owner):
            return None
        options, now = self._options[room], self._clock()
        epoch = f"e{int(now * 1000):x}"
        return self._models[room].roll(now, roll_after=options.roll_after, quiet=options.quiet, epoch=epoch)

    async def hold_cohort(self, room: str, wanted: Cohort, *, owner: str) -> CohortChange | None:
        """Begin or open the cohort of an opening if `owner` leads."""
        return self._models[room].hold_cohort(wanted) if self._leads(room, owner) else None

    async def set_control(self, room: str, control: bytes) -> None:
        """Store the operator's settings."""
        self._control[room] = control

    async def plan(self, room: str) -> bytes:
        """Return the published record."""
        return self._plans.get(room, b"")

    def set_plan(self, room: str, record: bytes) -> None:
        """Publish a record, as `talon forecast publish` does on a real store."""
        self._plans[room] = record

    async def change_node(self, place: str, change: bytes) -> None:
        """Store an operator's command about a node, in the place of the one before."""
        self._node_changes[place] = change

    async def node_changes(self) -> Mapping[str, bytes]:
        """Return the last command about every node that had one."""
        return dict(self._node_changes)

    async def ping(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Nothing to release."""

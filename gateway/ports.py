"""What the gateway needs of the outside: ports with more than one real implementation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from aiohttp import web

from gateway.core.cohort import Cohort, CohortChange
from gateway.core.health import HealthPolicy
from gateway.core.need import Need
from gateway.core.presence import PresenceProfile
from gateway.core.reports import PoolReading
from gateway.core.room import NOWHERE, Claim, Joined, RoomView, Standing
from gateway.wire.relayed import Done, Response

Prepare = Callable[[Sequence[tuple[str, str]]], Sequence[str]]
"""Hears what a node tells the gateway, fields with names in lower case, and gives the cookies for its answer."""


class RoomStore(Protocol):
    """Keeps rooms; every method is atomic, takes time from the store's clock and raises StoreUnavailable.

    One suite of contract tests holds for every implementation (`tests/contract`).
    """

    async def open(self, room: str, seed: RoomView | None) -> str:
        """Make sure that the room exists and return its epoch; a lost room is restored from `seed`."""
        ...

    async def view(self, room: str, *, owner: str, lease: float, report: bytes) -> RoomView:
        """Take or renew the leader's lease for `owner`, leave the owner's report, return all counters."""
        ...

    async def join(
        self, room: str, lane: str, *, pool: str, person: bytes = b"", over: tuple[str, int] = NOWHERE
    ) -> Joined:
        """Hand out the next number of the lane, or admit at once when nobody waits and there is credit.

        A `person` (12 bytes, empty for nobody known) whose place is not gone gets that place again, in whatever lane,
        unless it is the one at `over`, of which the caller knows that it is used up.
        """
        ...

    async def claim(self, room: str, lane: str, number: int, epoch: str, *, pool: str) -> Claim:
        """Take the turn; the first claim wins, repetitions get the same answer."""
        ...

    async def leave(self, room: str, lane: str, number: int, epoch: str) -> bool:
        """Give the place up; returns whether there was one."""
        ...

    async def standing(self, room: str, lane: str, number: int, epoch: str) -> Standing:
        """Tell how a place stands and change nothing: waiting (called too), claimed, gone or stale."""
        ...

    async def touch(self, room: str, tickets: Mapping[str, Sequence[int]]) -> None:
        """Note heartbeats of visits that wait in the epoch that this gateway looked at last, by lane."""
        ...

    async def call(self, room: str, wanted: Mapping[str, int], *, owner: str, credit: int) -> dict[str, int] | None:
        """Call present visits and set the credit; None unless `owner` holds the lease under which it last looked."""
        ...

    async def sweep(self, room: str, *, owner: str) -> int | None:
        """End overdue calls, forget old claims, age presence; returns no-shows, None when not the leader."""
        ...

    async def count_present(self, room: str) -> None:
        """Count who is present in all lanes, for every gateway to read."""
        ...

    async def presence(self, room: str) -> Mapping[str, PresenceProfile]:
        """Return what was counted last, by lane; empty before the first count."""
        ...

    async def roll(self, room: str, *, owner: str) -> str | None:
        """Begin a new epoch if the room is empty and has handed out many numbers; returns the epoch then in force."""
        ...

    async def hold_cohort(self, room: str, wanted: Cohort, *, owner: str) -> CohortChange | None:
        """Begin the cohort of an opening or open it, once whoever asks; None when `owner` does not hold the lease."""
        ...

    async def set_control(self, room: str, control: bytes) -> None:
        """Store the operator's settings of the room (pause, rate), replacing what was there."""
        ...

    async def plan(self, room: str) -> bytes:
        """Return the published forecast record, or b"" when there is none."""
        ...

    async def change_node(self, place: str, change: bytes) -> None:
        """Store an operator's command about a node, in the place of the one before."""
        ...

    async def node_changes(self) -> Mapping[str, bytes]:
        """Return the last command about every node that had one."""
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

    async def close(self) -> None:
        """Release connections; never raises for a store that is gone."""
        ...


class AnswerStore(Protocol):
    """Records of idempotency keys, shared by all gateways; raises StoreUnavailable."""

    async def look(self, place: str) -> bytes:
        """Return the record, b"" for none."""
        ...

    async def begin(self, place: str, record: bytes, life: float) -> bytes:
        """Store the record for `life` seconds if there is none, and return b""; else return the one that is there."""
        ...

    async def settle(self, place: str, mine: bytes, record: bytes, life: float) -> bool:
        """Put `record` in the place of `mine` for `life` seconds, b"" to delete it; False if that is not there."""
        ...


class Measured(Protocol):
    """A pool as the loops see it: nodes to probe, windows to close."""

    name: str

    def urls(self) -> list[str]:
        """Return the nodes."""
        ...

    def health_policy(self, url: str) -> HealthPolicy:
        """Return how a node is checked."""
        ...

    def note_health(self, url: str, good: bool) -> bool | None:
        """Take one check's result; returns the new state when it has changed."""
        ...

    def measure(self) -> Mapping[str, bool]:
        """Close the measuring window; returns the nodes that were ejected (False) or are back (True) by it."""
        ...

    def reading(self) -> PoolReading:
        """Return what admission needs to know."""
        ...

    def drain(self, url: str, draining: bool) -> bool:
        """Take a node out of choice or back in; False when it has been so already."""
        ...

    def loads(self) -> list[tuple[str, float, float]]:
        """Return node, inflight and limit of every node."""
        ...

    def describe(self) -> list[dict[str, object]]:
        """Return the nodes as the admin API shows them."""
        ...


class Upstream(Protocol):
    """Sends requests to the pools; raises UpstreamFailed when no node gave a usable answer."""

    async def send(
        self,
        request: web.BaseRequest,
        pool_name: str,
        *,
        request_id: str,
        prepare: "Prepare",
        most: int,
        need: Need = ...,
        body: bytes | None = None,
        shared: bool = False,
    ) -> Response:
        """Forward to a pool and answer; raises VisitorFailed when the visitor's body breaks off.

        `most` bytes of a body are accepted. `need` is the request's turn and size; `body` its body if that has been
        read already. A `shared` request is sent as a stranger's, without cookies and conditions.
        """
        ...

    def send_at_once(
        self,
        request: web.BaseRequest,
        pool_name: str,
        *,
        request_id: str,
        prepare: "Prepare",
        most: int,
        need: Need,
        done: Done,
    ) -> bool:
        """Begin to forward a read without a body if that needs no waiting, and tell `done`; False if it does."""
        ...

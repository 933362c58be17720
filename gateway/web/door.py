"""The door: whether a visitor may take a new place now, or must come again or later.

The rules are the core's (`core/joins.py`); here are the request, the clock and the memory. Addresses are kept only as
keyed hashes, with a key that lives as long as the process: neither a log nor a dump of the memory shows one.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import ceil

from aiohttp import web

from gateway.core import entry_slip
from gateway.core.address import Origin, origin_of
from gateway.core.budget import Budget, Charge, Rate, spend
from gateway.core.decide import Reason
from gateway.core.entry_slip import Slip, UsedSlips
from gateway.core.joins import LONGEST, UNPROVEN_AGE, UNPROVEN_COST, Entry, JoinPolicy, judge
from gateway.core.live_room import LiveRoom
from gateway.core.ticket import Ticket
from gateway.web.newcomers import Newcomer
from gateway.web.site import Site
from gateway.web.tokens import TICKET_COOKIE, TICKET_HEADER, candidates

PROOF_COOKIE = "talon_proof"
PROOF_HEADER = "Talon-Proof"
GUESSES = Rate(per_minute=10, burst=10)
"""Place codes that one address may try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody who may want a new place: from where, who if the portal says so, with which slip and proof."""

    origin: Origin
    person: bytes = b""
    slips: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """No new place now: why, when to ask again, and the slip to bring if one was given."""

    reason: Reason
    retry_after: int
    slip: str = ""
    unproven_after: int = 0


def arrival_of(request: web.BaseRequest, proxies: tuple[str, ...], person: bytes = b"") -> Arrival:
    """Return who asks, from the connection and the fields of the request."""
    return Arrival(
        origin=origin_of(request.remote or "", request.headers.getall("X-Forwarded-For", ()), proxies),
        person=person,
        slips=tuple(candidates(request, TICKET_COOKIE, TICKET_HEADER)),
        proofs=tuple(candidates(request, PROOF_COOKIE, PROOF_HEADER)),
    )


class Keeper:
    """The door as one request meets it; who asks is looked up only when it matters."""

    def __init__(self, door: "Door", room: LiveRoom, request: web.BaseRequest, newcomer: Newcomer) -> None:
        self._door = door
        self._room = room
        self._request = request
        self._newcomer = newcomer
        self._slip: Slip | None = None

    def regained(self) -> Ticket | None:
        """Return the place that a slip of the request has already bought; its holder has not seen the ticket yet."""
        return self._door.bought(self._room, self._arrival()) if self._door.asks_twice(self._room) else None

    def new_place(self) -> Barred | None:
        """Let a new place be taken, which is counted until `settle`, or tell why not."""
        met = self._door.meet(self._room, replace(self._arrival(), person=self._newcomer.person()))
        if isinstance(met, Barred):
            return met
        self._slip = met
        return None

    def settle(self, ticket: Ticket | None) -> None:
        """Note which place was taken after `new_place`, if any."""
        if self._slip is not None:
            self._door.used.settle(self._slip, ticket)

    def poll(self, held: Ticket) -> Barred | None:
        """Count a question after a place that waits; asked too often it is barred."""
        return self._door.poll(self._room, held, self._arrival())

    def _arrival(self) -> Arrival:
        return arrival_of(self._request, self._door.proxies)


class Door:
    """Owns the budgets and the memory of used slips of one gateway, for all rooms."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._secret = secrets.token_bytes(32)
        self._narrow, self._wide, self._persons = Budget(), Budget(), Budget()
        self._polls, self._guesses = Budget(), Budget()
        self.used = UsedSlips()

    @property
    def proxies(self) -> tuple[str, ...]:
        """The proxies whose word about a visitor's address counts."""
        return self._site.settings.proxy.trusted_proxies

    def keeper(self, room: LiveRoom, request: web.BaseRequest, newcomer: Newcomer) -> Keeper:
        """Return the door for one request; `newcomer` knows who the portal says that it is."""
        return Keeper(self, room, request, newcomer)

    def asks_twice(self, room: LiveRoom) -> bool:
        """Whether the room gives places on the second contact only."""
        return self._site.settings.rooms[room.name].joins.second_contact

    def bought(self, room: LiveRoom, arrival: Arrival) -> Ticket | None:
        """Return the place that one of the slips has bought in the room."""
        slips = (entry_slip.decode(token, self._site.tokens.keys) for token in arrival.slips)
        places = (self.used.bought(slip) for slip in slips if slip is not None and slip.room == room.name)
        return next((place for place in places if place is not None), None)

    def meet(self, room: LiveRoom, arrival: Arrival) -> Barred | Slip | None:
        """Let a new place be taken, with the slip that buys it if one is needed, or tell why not; asks no store."""
        policy = self._site.settings.rooms[room.name].joins
        slip, cost = None, 1
        if policy.second_contact:
            token, slip, entry = self._judged(room, arrival, policy)
            if slip is None or entry is Entry.NONE:
                return self._come_again(room, policy, self._new_slip(room))
            if entry is Entry.EARLY:
                return self._come_again(room, policy, token)
            cost = UNPROVEN_COST if entry is Entry.UNPROVEN else 1
        wait = spend(self._charges(room, arrival, policy, cost), self._site.clock())
        if wait:
            return self._later(wait)
        if slip is not None:
            now = self._site.store_now(room)
            self.used.sweep(now - LONGEST)
            self.used.add(slip)
        return slip

    def poll(self, room: LiveRoom, held: Ticket, arrival: Arrival) -> Barred | None:
        """Count a question after a place that waits; asked too often it is barred, and the place is kept."""
        if arrival.origin.exempt:
            return None
        rate = self._site.settings.rooms[room.name].joins.poll_rate
        charge = Charge(budget=self._polls, key=f"{held.room}|{held.visit}".encode(), rate=rate)
        wait = spend([charge], self._site.clock())
        return self._later(wait) if wait else None

    def guess(self, origin: Origin) -> Barred | None:
        """Count one try of a place code; nobody is exempt."""
        charges = [Charge(budget=self._guesses, key=self._hash("guess", origin.narrow), rate=GUESSES)]
        if origin.wide:
            charges.append(Charge(budget=self._guesses, key=self._hash("guesses", origin.wide), rate=GUESSES))
        wait = spend(charges, self._site.clock())
        return self._later(wait) if wait else None

    def _judged(self, room: LiveRoom, arrival: Arrival, policy: JoinPolicy) -> tuple[str, Slip | None, Entry]:
        """Return the first slip that is of use, and of what use; a used one is of none.

        One that is buying a place just now must wait for it, and is not handed out again: the ticket is on its way.
        """
        now = self._site.store_now(room)
        for token in arrival.slips:
            slip = entry_slip.decode(token, self._site.tokens.keys)
            if slip is None or (slip in self.used and not self.used.is_buying(slip)):
                continue
            if self.used.is_buying(slip):
                return "", slip, Entry.EARLY
            proven = any(entry_slip.is_proven(token, proof, policy.proof_of_work) for proof in arrival.proofs)
            entry = judge(slip, room=room.name, now=now, proven=proven, policy=policy)
            if entry is not Entry.NONE:
                return token, slip, entry
        return "", None, Entry.NONE

    def _new_slip(self, room: LiveRoom) -> str:
        slip = Slip(room=room.name, made_at=self._site.store_now(room), id=secrets.token_urlsafe(9))
        return entry_slip.encode(slip, self._site.tokens.keys)

    def _come_again(self, room: LiveRoom, policy: JoinPolicy, token: str) -> Barred:
        return Barred(
            reason=Reason.ENTRY,
            retry_after=round(1 + self._site.chance()),
            slip=token,
            unproven_after=ceil(UNPROVEN_AGE) + 1 if policy.proof_of_work else 0,
        )

    def _charges(self, room: LiveRoom, arrival: Arrival, policy: JoinPolicy, cost: int) -> Iterator[Charge]:
        origin = arrival.origin
        if arrival.person:
            key = self._hash(room.name, arrival.person)
            yield Charge(budget=self._persons, key=key, rate=policy.person_rate)
        if origin.exempt:
            return
        if origin.wide:
            key = self._hash(room.name, origin.wide)
            yield Charge(budget=self._wide, key=key, rate=policy.network_rate, cost=cost)
        key = self._hash(room.name, origin.narrow)
        yield Charge(budget=self._narrow, key=key, rate=policy.address_rate, cost=cost)

    def _hash(self, room: str, value: bytes) -> bytes:
        return blake2b(room.encode() + b"|" + value, key=self._secret, digest_size=12).digest()

    def _later(self, wait: float) -> Barred:
        # Those who are sent away together must not come back together.
        return Barred(reason=Reason.LIMITED, retry_after=ceil(wait * (1 + self._site.chance() / 2)))

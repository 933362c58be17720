"""What happens to a request: facts in, one decision out.

Read top to bottom, the first line that fits decides. What to do without the store stands here too (ADR 0003):
passes verify without it; a visit without a pass waits with the place that its ticket proves; express classes and
unprotected paths are open.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.passes import Pass
from gateway.core.ticket import Ticket


class Reason(StrEnum):
    """Why a request was decided as it was: log field, metric label and response header alike."""

    NO_ROOM = "no_room"
    EXPRESS = "express"
    PASS = "pass"
    OBSERVE = "observe"
    ROOM_FREE = "room_free"
    TURN = "turn"
    QUEUE = "queue"
    PREQUEUE = "prequeue"
    FULL = "full"
    PAUSED = "paused"
    CLOSED = "closed"
    EXHAUSTED = "exhausted"
    STORE_DOWN = "store_down"
    ENTRY = "entry"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Send the request to the pools; `admission` is the pass that opens the room, if one was needed."""

    reason: Reason
    admission: Pass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask the store: claim with `ticket`, or join when there is none."""

    ticket: Ticket | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Answer with the waiting page or its problem document."""

    reason: Reason
    ticket: Ticket | None


Decision = Forward | Ask | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What the edge knows of a request before it asks the store; `stop` is why nobody is let in, if so.

    `position` is the ticket's in the order of calls, 0 for its number; `prequeue` says that it waits for an opening.
    """

    express: bool
    room: str | None
    observe: bool
    admission: Pass | None
    ticket: Ticket | None
    store_up: bool
    epoch: str
    serving: int
    stop: Reason | None = None
    position: int = 0
    prequeue: bool = False


_EXPRESS = Forward(reason=Reason.EXPRESS)
_NO_ROOM = Forward(reason=Reason.NO_ROOM)


def forward_at_once(*, express: bool, room: str | None, admission: Pass | None) -> Forward | None:
    """Return the decision for requests of which no more need be known; None for all others."""
    if express:
        return _EXPRESS
    if room is None:
        return _NO_ROOM
    return Forward(reason=Reason.PASS, admission=admission) if admission is not None else None


def decide(facts: RequestFacts) -> Decision:
    """Return what to do; `facts.admission` is a pass already found valid for the room."""
    at_once = forward_at_once(express=facts.express, room=facts.room, admission=facts.admission)
    if at_once is not None:
        return at_once
    if facts.observe:
        return Forward(reason=Reason.OBSERVE)
    if not facts.store_up:
        return Wait(reason=Reason.STORE_DOWN, ticket=facts.ticket)
    ticket = facts.ticket
    if ticket is not None and ticket.epoch == facts.epoch and _before(facts, ticket):
        # Not called yet by any reading of the counters: no need to ask; the poll is noted as a heartbeat.
        return Wait(reason=Reason.PREQUEUE if facts.prequeue else facts.stop or Reason.QUEUE, ticket=ticket)
    return Ask(ticket=ticket)


def _before(facts: RequestFacts, ticket: Ticket) -> bool:
    return facts.prequeue or (facts.position or ticket.number) > facts.serving

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


_PASS, _EXPRESS, _NO_ROOM = Reason.PASS, Reason.EXPRESS, Reason.NO_ROOM
TEXTS = {reason: reason.value for reason in Reason}
"""The reasons as plain text: looking a member or its value up costs more than the decision."""


def open_at_once(*, express: bool, room: bool, admitted: bool) -> Reason | None:
    """Return why a request is forwarded of which no more need be known; None for all others."""
    if express:
        return _EXPRESS
    if not room:
        return _NO_ROOM
    return _PASS if admitted else None


def decide(facts: RequestFacts) -> Decision:
    """Return what to do; `facts.admission` is a pass already found valid for the room."""
    open_to = open_at_once(express=facts.express, room=facts.room is not None, admitted=facts.admission is not None)
    if open_to is not None:
        return Forward(reason=open_to, admission=facts.admission if open_to is _PASS else None)
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

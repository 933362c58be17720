"""Tickets: the signed slip that a waiting visit carries.

Token: `t1.KEYID.PAYLOAD.SIGNATURE` (`signed_text`), payload `room|epoch|lane|number|joined_ms`. It holds no personal
data. The store trusts numbers only from verified tokens, since a number indexes its bitmaps.
"""

from dataclasses import dataclass

from gateway.core.keyring import KeyRing
from gateway.core.signed_text import MAX_TOKEN, TextInvalid, read, sign

__all__ = ["MAX_NUMBER", "MAX_TOKEN", "Ticket", "TicketInvalid", "decode", "encode"]

MAX_NUMBER = 2**31
_VERSION, _USE = "t1", "ticket"


class TicketInvalid(Exception):
    """The token is not a ticket that this gateway or a sister of it has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A visit's place: `number` counts joins within the lane; `joined_at` is store time, seconds."""

    room: str
    epoch: str
    lane: str
    number: int
    joined_at: float

    def __post_init__(self) -> None:
        if not 1 <= self.number < MAX_NUMBER:
            raise ValueError(f"ticket number must be in 1..{MAX_NUMBER - 1}, got {self.number}")

    @property
    def visit(self) -> str:
        """The visit's id: the same for every claim with this ticket."""
        return f"{self.epoch}.{self.lane}.{self.number}"


def encode(ticket: Ticket, keys: KeyRing) -> str:
    """Return the token of `ticket`, signed with the newest key."""
    joined_ms = round(ticket.joined_at * 1000)
    return sign(_VERSION, _USE, f"{ticket.room}|{ticket.epoch}|{ticket.lane}|{ticket.number}|{joined_ms}", keys)


def decode(token: str, keys: KeyRing) -> Ticket:
    """Return the ticket of `token`; raises TicketInvalid for anything not signed by a known key."""
    try:
        room, epoch, lane, number, joined_ms = read(_VERSION, _USE, token, keys).split("|")
        return Ticket(room=room, epoch=epoch, lane=lane, number=int(number), joined_at=int(joined_ms) / 1000)
    except TextInvalid as error:
        raise TicketInvalid(str(error)) from error
    except ValueError as error:
        raise TicketInvalid("the payload cannot be read") from error

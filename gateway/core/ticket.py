"""Tickets: the signed slip that a waiting visit carries.

Token: `t1.KEYID.PAYLOAD.SIGNATURE`, payload `room|epoch|lane|number|joined_ms` in base64url, signature
the first 16 bytes of HMAC-SHA256 over everything before it. It holds no personal data. The store
trusts numbers only from verified tokens, since a number indexes its bitmaps.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

from gateway.core.keyring import KeyRing

MAX_TOKEN = 400
MAX_NUMBER = 2**31
_VERSION = "t1"


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


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _sign(signed: str, key: bytes) -> str:
    return _b64(hmac.digest(key, signed.encode(), "sha256")[:16])


def encode(ticket: Ticket, keys: KeyRing) -> str:
    """Return the token of `ticket`, signed with the newest key."""
    key_id = keys.signing_id
    key = keys.derive(key_id, "ticket")
    assert key is not None
    joined_ms = round(ticket.joined_at * 1000)
    payload = f"{ticket.room}|{ticket.epoch}|{ticket.lane}|{ticket.number}|{joined_ms}"
    signed = f"{_VERSION}.{key_id}.{_b64(payload.encode())}"
    return f"{signed}.{_sign(signed, key)}"


def decode(token: str, keys: KeyRing) -> Ticket:
    """Return the ticket of `token`; raises TicketInvalid for anything not signed by a known key."""
    signed, _, signature = token.rpartition(".")
    parts = signed.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or parts[0] != _VERSION or not token.isascii():
        raise TicketInvalid("not a ticket")
    key = keys.derive(parts[1], "ticket")
    if key is None:
        raise TicketInvalid("signed with a key that is not in use")
    if not hmac.compare_digest(_sign(signed, key), signature):
        raise TicketInvalid("the signature does not fit")
    try:
        payload = urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode()
        room, epoch, lane, number, joined_ms = payload.split("|")
        return Ticket(room=room, epoch=epoch, lane=lane, number=int(number), joined_at=int(joined_ms) / 1000)
    except (ValueError, Base64Error) as error:
        raise TicketInvalid("the payload cannot be read") from error

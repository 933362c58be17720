"""Entry slips: what the first contact gets where a place is given on the second contact only.

Token: `s1.KEYID.PAYLOAD.SIGNATURE`, made as a ticket is (`signed_text`) with a key of its own, payload
`room|made_ms|id`. It says that somebody came at a time of the store's clock, holds no place and nothing personal. The
id is chance; one slip buys one place.

Proof of work: a text N of at most 32 letters and digits such that SHA-256(TOKEN|N) begins with so many zero bits.
With b bits that takes 2^b tries on average, and one to check.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf

from gateway.core.keyring import KeyRing
from gateway.core.signed_text import TextInvalid, read, sign
from gateway.core.ticket import Ticket

MAX_USED = 100_000
LONGEST_NONCE = 32
_VERSION = "s1"
_USE = "entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One first contact; `made_at` is store time in seconds, `id` tells slips of the same moment apart."""

    room: str
    made_at: float
    id: str


def encode(slip: Slip, keys: KeyRing) -> str:
    """Return the token of `slip`, signed with the newest key."""
    return sign(_VERSION, _USE, f"{slip.room}|{round(slip.made_at * 1000)}|{slip.id}", keys)


def decode(token: str, keys: KeyRing) -> Slip | None:
    """Return the slip of `token`, or None for anything that no known key has signed as a slip."""
    try:
        room, made_ms, name = read(_VERSION, _USE, token, keys).split("|")
        return Slip(room=room, made_at=int(made_ms) / 1000, id=name)
    except (TextInvalid, ValueError):
        return None


def is_proven(token: str, nonce: str, bits: int) -> bool:
    """Whether `nonce` is a proof of work of so many bits for the slip `token`."""
    if not 0 < len(nonce) <= LONGEST_NONCE or not nonce.isascii() or not nonce.isalnum():
        return False
    return int.from_bytes(hashlib.sha256(f"{token}|{nonce}".encode()).digest()) < 1 << 256 - bits


@dataclass(slots=True)
class UsedSlips:
    """Remembers which slips have bought their place and which place that was, at most `most`.

    So a slip that is shown again, by another tab or because the answer was lost, leads to the same place. Beyond the
    limit the oldest are forgotten, and every slip as old as the youngest that was forgotten counts as used: its holder
    gets a new one, and no slip buys a second place here.
    """

    most: int = MAX_USED
    _used: OrderedDict[str, tuple[float, Ticket | None]] = field(default_factory=OrderedDict)
    _forgotten: float = -inf

    def __contains__(self, slip: Slip) -> bool:
        return slip.made_at <= self._forgotten or slip.id in self._used

    def __len__(self) -> int:
        return len(self._used)

    def add(self, slip: Slip) -> None:
        """Note that the slip is buying a place just now."""
        self._used[slip.id] = slip.made_at, None
        if len(self._used) > self.most:
            _, (made_at, _) = self._used.popitem(last=False)
            self._forgotten = max(self._forgotten, made_at)

    def settle(self, slip: Slip, ticket: Ticket | None) -> None:
        """Note the place that the slip has bought; without one it may be used again."""
        if ticket is None:
            self._used.pop(slip.id, None)
        elif slip.id in self._used:
            self._used[slip.id] = slip.made_at, ticket

    def bought(self, slip: Slip) -> Ticket | None:
        """Return the place that the slip has bought, as far as it is remembered."""
        return self._used.get(slip.id, (0.0, None))[1]

    def is_buying(self, slip: Slip) -> bool:
        """Whether another request with the slip is at the store just now."""
        return slip.id in self._used and self._used[slip.id][1] is None

    def sweep(self, before: float, limit: int = 1000) -> None:
        """Forget slips made before a time at which they are too old anyway, at most `limit`, in order of use."""
        for _ in range(limit):
            oldest = next(iter(self._used), None)
            if oldest is None or self._used[oldest][0] >= before:
                return
            del self._used[oldest]

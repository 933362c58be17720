"""Place codes: a place in eight characters, to read out or to type into another device; nothing of it is stored.

A code is 40 bits in the 32 characters of `ALPHABET`: the index of the lane (4 bits), the low 24 bits of the number
and 12 zero bits that tell a code from a guess, all put through a keyed permutation: ten rounds of a balanced Feistel
network over two halves of 20 bits, with BLAKE2b as round function. The key follows from a key of the ring, the room,
its epoch and its lanes, so a code is worth nothing in another room, after the room was made anew, or with other lanes.
One in 4096 random texts reads as some place; a place stands in it only if somebody waits there, so a guess hits with
(places) / 2^40 for each key. The high bits of a number follow from the lane's counter: a code means the highest number
with its low bits that is at most `AHEAD` beyond the counter, since a gateway's reading of it may be a moment old.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from gateway.core.keyring import KeyRing

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
MAX_LANES = 16
AHEAD = 65_536
_NUMBERS = 1 << 24
_HALF = (1 << 20) - 1
_ROUNDS = 10
_LONGEST_INPUT = 40
_READ_AS = str.maketrans("OILUАВЕЗКМНОРСТУХ", "011VABE3KMH0PCTYX")
"""How letters are read that look like others, also Cyrillic ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpace:
    """What codes mean now: the room with its epoch, its lanes in order and their highest numbers so far."""

    room: str
    epoch: str
    lanes: Sequence[str]
    issued: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place that a code may stand for."""

    lane: str
    number: int


def encode(place: Place, space: CodeSpace, keys: KeyRing) -> str:
    """Return the code of a place as `XXXX-XXXX`; empty for a lane that codes do not reach."""
    if place.lane not in space.lanes[:MAX_LANES]:
        return ""
    value = (space.lanes.index(place.lane) << 24 | place.number % _NUMBERS) << 12
    left, right = value >> 20, value & _HALF
    key = _key(keys, keys.signing_id, space)
    for turn in range(_ROUNDS):
        left, right = right, left ^ _mix(key, turn, right)
    value = left << 20 | right
    text = "".join(ALPHABET[value >> shift & 31] for shift in range(35, -1, -5))
    return f"{text[:4]}-{text[4:]}"


def decode(text: str, space: CodeSpace, keys: KeyRing) -> list[Place]:
    """Return the places that a text may stand for: mostly none or one; every key is tried, whatever is found."""
    value = _read(text)
    found = [_place(_undo(value or 0, key), space) for key in _all_keys(keys, space)]
    return [place for place in found if place is not None and value is not None]


def _read(text: str) -> int | None:
    if len(text) > _LONGEST_INPUT:
        return None
    letters = "".join(text.upper().split()).replace("-", "").replace("\u2013", "").translate(_READ_AS)
    if len(letters) != LENGTH or any(letter not in ALPHABET for letter in letters):
        return None
    value = 0
    for letter in letters:
        value = value << 5 | ALPHABET.index(letter)
    return value


def _undo(value: int, key: bytes) -> int:
    left, right = value >> 20, value & _HALF
    for turn in reversed(range(_ROUNDS)):
        left, right = right ^ _mix(key, turn, left), left
    return left << 20 | right


def _place(value: int, space: CodeSpace) -> Place | None:
    index, low, rest = value >> 36, value >> 12 & _NUMBERS - 1, value & 0xFFF
    if rest or index >= len(space.lanes):
        return None
    lane = space.lanes[index]
    highest = space.issued.get(lane, 0) + AHEAD
    number = highest - (highest - low) % _NUMBERS
    return Place(lane=lane, number=number) if number >= 1 else None


def _all_keys(keys: KeyRing, space: CodeSpace) -> Iterator[bytes]:
    return (_key(keys, key_id, space) for key_id in keys.keys)


def _key(keys: KeyRing, key_id: str, space: CodeSpace) -> bytes:
    secret = keys.derive(key_id, "place")
    assert secret is not None
    meaning = "|".join((space.room, space.epoch, *space.lanes))
    return blake2b(meaning.encode(), key=secret, digest_size=32).digest()


def _mix(key: bytes, turn: int, half: int) -> int:
    digest = blake2b(bytes((turn,)) + half.to_bytes(3), key=key, digest_size=3).digest()
    return int.from_bytes(digest) & _HALF

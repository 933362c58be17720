"""Names of all keys in the store; the reference page `docs/reference/redis-keys.md` is tested against them.

Everything of a room carries the hash tag `{room}`, so a script touches one slot of a Redis Cluster.
"""

from collections.abc import Sequence

NODES_KEY = "talon:nodes"
"""The operators' commands about nodes; of no room."""
ROOM_KEYS = ("meta", "reports", "control", "presence", "scratch0", "scratch1")
PERSON_BUCKETS = 16_384
"""People are spread over this many small hashes: with a million, 61 in each, which the store keeps packed."""
LANE_KEYS = ("called", "claims", "claimed", "returning", "gone", "missed", "seen0", "seen1", "joins")


def room_keys(room: str, lanes: Sequence[str]) -> list[str]:
    """Return the KEYS of every script about a whole room, in the order that `lua/room.lua` expects."""
    return [_key(room, name) for name in ROOM_KEYS] + [key for lane in lanes for key in _lane(room, lane)]


def ticket_keys(room: str, lane: str) -> list[str]:
    """Return the KEYS of every script about one ticket, in the order that `lua/ticket.lua` expects."""
    return [_key(room, "meta"), *_lane(room, lane)]


def person_keys(room: str, lane: str, lanes: Sequence[str], person: bytes) -> list[str]:
    """Return the KEYS of a join of a person: the ticket's, the person's bucket, and what tells that places are over."""
    bucket = int.from_bytes(person[:2], "big") % PERSON_BUCKETS
    gone = [f"{_key(room, 'gone')}:{name}" for name in lanes]
    return [*ticket_keys(room, lane), f"{_key(room, 'persons')}:{bucket:04x}", *gone]


def presence_key(room: str) -> str:
    """Return the key of the presence profile of `room`."""
    return _key(room, "presence")


def control_key(room: str) -> str:
    """Return the key of the operator's settings of `room`."""
    return _key(room, "control")


def answer_key(place: str) -> str:
    """Return the key of the record of an idempotency key."""
    return f"talon:answer:{place}"


def _lane(room: str, lane: str) -> list[str]:
    return [f"{_key(room, name)}:{lane}" for name in LANE_KEYS]


def _key(room: str, name: str) -> str:
    return f"talon:{{{room}}}:{name}"

"""Names of all keys in the store; the reference page `docs/reference/redis-keys.md` is tested against them.

Everything of a room carries the hash tag `{room}`, so a script touches one slot of a Redis Cluster.
"""

from collections.abc import Sequence

ROOM_KEYS = ("meta", "reports", "control")
LANE_KEYS = ("called", "claims", "claimed", "returning", "gone", "missed", "seen0", "seen1", "joins")


def room_keys(room: str, lanes: Sequence[str]) -> list[str]:
    """Return the KEYS of every room script, in the order that `lua/common.lua` expects."""
    prefix = f"talon:{{{room}}}:"
    return [prefix + name for name in ROOM_KEYS] + [f"{prefix}{name}:{lane}" for lane in lanes for name in LANE_KEYS]


def control_key(room: str) -> str:
    """Return the key of the operator's settings of `room`."""
    return f"talon:{{{room}}}:control"

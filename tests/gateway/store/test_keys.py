"""Names of keys: one slot of a cluster per room, nothing shared between rooms or lanes."""

import itertools
import re
from importlib.resources import files

from forecasting.contract import plan_key
from gateway.store.keys import LANE_KEYS, ROOM_KEYS, control_key, room_keys, ticket_keys
from gateway.store.scripts import NAMES, source


def test_every_key_of_a_room_has_its_hash_tag() -> None:
    """All keys of a script hash to one slot, the plan and the control among them."""
    for key in [*room_keys("booking", ["urgent", "regular"]), plan_key("booking"), control_key("booking")]:
        assert key.startswith("talon:{booking}:")


def test_no_two_things_share_a_key() -> None:
    """Rooms and lanes with similar names have keys of their own."""
    rooms = [room_keys(room, ["a", "a-b", "b"]) for room in ("x", "x-a", "xa")]
    everything = list(itertools.chain(*rooms))
    assert len(set(everything)) == len(everything) == 3 * (len(ROOM_KEYS) + 3 * len(LANE_KEYS))


def test_the_scripts_count_the_keys_as_we_do() -> None:
    """The preludes take the room's keys and the lane's in the order in which they are given."""
    room = (files("gateway.store") / "lua" / "room.lua").read_text()
    ticket = (files("gateway.store") / "lua" / "ticket.lua").read_text()
    named = re.search(rf"local (META, .*) = unpack\(KEYS, 1, {len(ROOM_KEYS)}\)", room)
    numbered = re.search(r"local (CALLED, .*) = 1, 2", room)
    unpacked = re.search(r"local META, (CALLED, .*) = unpack\(KEYS, 1, 10\)", ticket)
    assert named is not None
    assert numbered is not None
    assert unpacked is not None
    assert f"KEYS[{len(ROOM_KEYS)} + (lane - 1) * {len(LANE_KEYS)} + which]" in room
    assert [name.lower() for name in named[1].split(", ")] == list(ROOM_KEYS)
    assert [name.lower() for name in numbered[1].split(", ")] == list(LANE_KEYS)
    assert [name.lower() for name in unpacked[1].split(", ")] == list(LANE_KEYS)
    assert ticket_keys("booking", "regular")[1:] == room_keys("booking", ["regular"])[len(ROOM_KEYS) :]


def test_scripts_touch_only_keys_that_they_were_given() -> None:
    """No script builds a key or scans for one, and each says in its first line what it returns."""
    for name in NAMES:
        text = source(name)
        assert "talon:" not in text
        assert not re.search(r"'(KEYS|SCAN|FLUSH\w+)'", text)
        own = (files("gateway.store") / "lua" / f"{name}.lua").read_text()
        assert own.startswith(f"-- {name}("), name
        assert "return" in " ".join(own.splitlines()[:3])

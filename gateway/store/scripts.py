"""The Lua scripts: one per state change, each with its prelude in front."""

from functools import cache
from importlib.resources import files

TICKET_SCRIPTS = ("join", "claim", "leave", "touch", "standing")
ROOM_SCRIPTS = ("open", "view", "call", "sweep", "presence", "roll", "cohort")
NAMES = (*TICKET_SCRIPTS, *ROOM_SCRIPTS)


@cache
def source(name: str) -> str:
    """Return the whole text of the script `name`."""
    folder = files("gateway.store") / "lua"
    prelude = "ticket.lua" if name in TICKET_SCRIPTS else "room.lua"
    return (folder / prelude).read_text() + (folder / f"{name}.lua").read_text()

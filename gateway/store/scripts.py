"""The Lua scripts: one per state change, each with the common prelude in front."""

from functools import cache
from importlib.resources import files

NAMES = ("open", "view", "join", "claim", "leave", "touch", "call", "sweep", "standing")


@cache
def source(name: str) -> str:
    """Return the whole text of the script `name`."""
    folder = files("gateway.store") / "lua"
    return (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()

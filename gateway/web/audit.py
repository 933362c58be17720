"""The audit file: one JSON line for every change that an operator makes over the admin address."""

from collections.abc import Callable
from pathlib import Path

import orjson

from gateway.telemetry.events import event


class Audit:
    """Appends to `path`; `wall` gives seconds since the epoch."""

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self._path = path
        self._wall = wall

    def note(self, name: str, **facts: object) -> None:
        """Write the change down, and as an event."""
        entry = {"at": self._wall(), **facts}
        with self._path.open("ab") as audit:
            audit.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        event(name, **entry)

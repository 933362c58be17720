"""The access log: one JSON object a line, written in batches, readable by `talon forecast ingest`.

No address is written: a visit is known by its id, and who was turned away or joins by a keyed hash that is another one
each day, so that demand can be counted.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import orjson

MAX_BUFFER = 64 * 1024


class AccessLog:
    """Owns the file; `flush` is called once a second and at the end; lines are lost only with the machine."""

    def __init__(self, target: str, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._buffer = bytearray()
        self._target = target
        self._file: BinaryIO | None = None
        if target == "-":
            self._file = sys.stdout.buffer
        elif target != "off":
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(target).open("ab", buffering=0)  # noqa: SIM115 - kept open, closed by close()

    def write(self, **fields: object) -> None:
        """Add one line with the time of now; fields that are None are left out."""
        if self._file is None:
            return
        moment = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"ts": moment, **{key: value for key, value in fields.items() if value is not None}}
        self._buffer += orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if len(self._buffer) > MAX_BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        if self._file is not None and self._buffer:
            self._file.write(self._buffer)
            self._file.flush()
            self._buffer.clear()

    def close(self) -> None:
        """Write what is buffered and close the file."""
        self.flush()
        if self._file is not None and self._target != "-":
            self._file.close()
        self._file = None

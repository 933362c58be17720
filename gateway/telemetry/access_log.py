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
        self._second = -1
        self._second_text = ""
        if target == "-":
            self._file = sys.stdout.buffer
        elif target != "off":
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(target).open("ab", buffering=0)  # noqa: SIM115 - kept open, closed by close()

    @property
    def on(self) -> bool:
        """Whether lines are written at all."""
        return self._file is not None

    def begin(self, method: str, path: str, request_class: str) -> dict[str, object]:
        """Return a line to fill, which has the time of now and what the request is."""
        return {"ts": self._moment(), "method": method, "path": path, "class": request_class}

    def write(self, line: dict[str, object]) -> None:
        """Add one line that `begin` has returned."""
        if self._file is None:
            return
        self._buffer += orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if len(self._buffer) > MAX_BUFFER:
            self.flush()

    def _moment(self) -> str:
        """Return the time of now to the millisecond; the text of a second is made once."""
        now = self._wall()
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"

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

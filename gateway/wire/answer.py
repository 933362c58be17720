"""A node's answer: the head is there, the body comes, as much at a time as the reader keeps up with."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.wire.errors import NodeBroke

Fields = list[tuple[bytes, bytes]]
"""Header fields as they came over the wire: order, case and bytes are the sender's."""
HIGH_WATER = 65_536
"""Bytes of a body that are held before no more is read from the node."""


def first(fields: Fields, name: bytes) -> bytes:
    """Return the first value of a field, by its name in lower case; b"" if it is not there."""
    return next((value for field, value in fields if field.lower() == name), b"")


_MATTERS: dict[bytes, bytes] = {}


def _matters(name: bytes) -> bytes:
    """Return the name of a field that says something about its answer, in lower case; b"" for all others."""
    lower = name.lower()
    if len(_MATTERS) > 4096:
        _MATTERS.clear()
    _MATTERS[name] = lower if lower in (b"content-length", b"transfer-encoding", b"date", b"content-type") else b""
    return _MATTERS[name]


class Answer:
    """Owns what has come of one answer; `pause(True)` asks its connection to stop reading, `abandon` ends it."""

    __slots__ = (
        "_abandon",
        "_error",
        "_parts",
        "_pause",
        "_paused",
        "_size",
        "_waiter",
        "complete",
        "dated",
        "events",
        "fields",
        "length",
        "reason",
        "status",
        "trailers",
    )

    def __init__(
        self,
        status: int,
        reason: bytes,
        fields: Fields,
        *,
        pause: Callable[[bool], None],
        abandon: Callable[[], None],
    ) -> None:
        self.status = status
        self.reason = reason
        self.fields = fields
        self.length: int | None = None
        """The length that the head says, if it says one."""
        self.dated = False
        """Whether the head has a date."""
        self.events = False
        """Whether it is a stream of events, which may last for hours."""
        self.trailers: Fields = []
        self.complete = False
        self._parts: list[bytes] = []
        self._size = 0
        self._paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pause = pause
        self._abandon = abandon

    def read_head(self) -> bool:
        """Take from the head what matters here; returns whether it frames the body. Raises NodeBroke."""
        framed = False
        for name, value in self.fields:
            lower = _MATTERS.get(name)
            if lower is None:
                lower = _matters(name)
            if not lower:
                continue
            if lower == b"content-length":
                framed, self.length = True, int(value)
            elif lower == b"transfer-encoding":
                framed = True
                if value.lower() != b"chunked":
                    raise NodeBroke(f"transfer coding {value.decode('latin-1')!r}")
            elif lower == b"date":
                self.dated = True
            else:
                self.events = value.startswith(b"text/event-stream")
        return framed

    def feed(self, data: bytes) -> None:
        """Take bytes of the body from the connection."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and not self._paused:
            self._paused = True
            self._pause(True)
        self._wake()

    def finish(self, trailers: Fields) -> None:
        """Note that the body is whole."""
        self.trailers = trailers
        self.complete = True
        self._paused = False
        self._wake()

    def fail(self, error: Exception) -> None:
        """Note that no more will come, and why."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()

    def taken(self) -> bytes:
        """Return what has come since the last call, without waiting."""
        parts, self._parts, self._size = self._parts, [], 0
        if self._paused:
            self._paused = False
            self._pause(False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def more(self) -> bytes:
        """Return the next bytes of the body, b"" at its end; raises NodeBroke, or TimeoutError for a silent node."""
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self.complete:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.taken()

    async def beginning(self, most: int) -> bytes:
        """Return the first bytes of the body: all of it if it is at most `most` bytes long, else at least so many."""
        begun = bytearray()
        while len(begun) <= most and (part := await self.more()):
            begun += part
        return bytes(begun)

    def close(self) -> None:
        """Give the answer up; a connection that still carries it is broken off."""
        if not self.complete:
            self.fail(NodeBroke("the answer was given up"))
            self._abandon()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class WholeAnswer(Answer):
    """A plain answer (`core/plain.py`), which has come in one piece: `head` is its status line and its fields.

    What is beside that in an answer is made when it is asked for.
    """

    __slots__ = ("_data", "body_at", "head")

    def __init__(self, data: bytes, status: int, head: bytes, body_at: int, dated: bool) -> None:
        self._data = data
        self.status = status
        self.head = head
        self.body_at = body_at
        self.dated = dated
        self.complete = True

    @property
    def body(self) -> memoryview:
        """The body, which is not copied."""
        return memoryview(self._data)[self.body_at :]

    def __getattr__(self, name: str) -> Any:
        """Make all of an answer of this one."""
        if name not in Answer.__slots__:
            raise AttributeError(name)
        top, *lines = self.head.split(b"\r\n")
        parts = (line.partition(b": ") for line in lines)
        fields = [(key, value.strip()) for key, _, value in parts]
        super().__init__(self.status, top[13:], fields, pause=lambda _: None, abandon=lambda: None)
        self.read_head()
        self.feed(bytes(self.body))
        self.finish([])
        return getattr(self, name)

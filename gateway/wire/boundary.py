"""Where a connection's parser stands, followed from outside: between two requests, or in one.

Only between two may a request go past the parser. Nothing is guessed: what cannot be followed with certainty (heads in
pieces, bodies in chunks, requests one behind the other) ends it for the connection, and all goes through the parser.
"""

import re

from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import _ErrInfo

_HEAD = re.compile(rb"(?:[^\r\n]++\r\n)++\r\n")
LOST = -1
Came = tuple[RawRequestMessage | _ErrInfo, StreamReader]
"""What aiohttp's parser makes of a head: a request, or why it is none, and its body."""


class Boundary:
    """Counts the bytes that are still to come of the request that the parser is in; 0 between two."""

    __slots__ = ("_left", "_payload", "between")

    def __init__(self) -> None:
        self.between = True
        """Whether the parser has had whole requests only."""
        self._left = 0
        self._payload: StreamReader = EMPTY_PAYLOAD

    def follow(self, data: bytes, came: "list[Came]") -> None:
        """Take what the parser was fed, and the requests whose heads it found in that."""
        if not data and not came:
            return  # the parser was asked whether it had more
        if self._left == 0:
            self._left = _size(data, came)
            self._payload = came[0][1] if came else EMPTY_PAYLOAD
        elif came:
            self._left = LOST
        if self._left > 0:
            self._left -= len(data)
            if self._left < 0 or (self._left == 0 and not self._payload.is_eof()):
                self._left = LOST
        self.between = self._left == 0


def _size(data: bytes, came: "list[Came]") -> int:
    """Return the bytes that the one request has in all whose head `data` begins with; LOST if that is not certain."""
    head = _HEAD.match(data)
    if head is None or len(came) != 1:
        return LOST
    message, payload = came[0]
    if isinstance(message, _ErrInfo) or message.upgrade or message.chunked:
        return LOST
    if payload is EMPTY_PAYLOAD:
        return head.end()
    length = message.headers.get("Content-Length", "")
    return head.end() + int(length) if length.isascii() and length.isdigit() else LOST

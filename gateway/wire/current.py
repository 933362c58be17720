"""The request that a visitor's connection handles now: taken from the parser, or read plainly past it."""

from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from gateway.core.plain import PlainFields, plain_fields, plain_line
from gateway.wire.boundary import Boundary
from gateway.wire.greeted import GreetedConnection
from gateway.wire.plain_request import PlainRequest

if TYPE_CHECKING:
    from gateway.wire.server import VisitorServer


LONGEST = 4096
"""Bytes of a request that may be plain."""


class HandlingConnection(GreetedConnection):
    """Knows which request is under way."""

    __slots__ = ("_boundary", "_fields")

    def __init__(self, server: "VisitorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._boundary = Boundary()
        self._fields: PlainFields | None = None
        """Those of the last plain request: a browser sends the same ones again and again."""

    def _feed(self, data: bytes) -> None:
        """Feed the parser."""
        before = len(self._messages)
        super().data_received(data)
        self._boundary.follow(data, [self._messages[at] for at in range(before, len(self._messages))])

    def _take_plain(self, data: bytes) -> PlainRequest | None:
        """Make the request of the bytes that is handled now, if they are a plain one and may go past the parser."""
        line, policy = plain_line(data), self._server.policy
        if line is None or self._force_close or self._server.quick is None:
            return None
        end = line.end()
        if len(data) > LONGEST or end > policy.max_line:
            return None
        fields, came = self._fields, data[end:]
        if fields is None or fields.came != came:
            fields = self._fields = plain_fields(came, policy.max_fields) if len(came) <= policy.max_field else None
            if fields is None:
                return None
        path, query = line.groups()
        request = PlainRequest(path.decode(), query.decode() if query else "", fields, self)
        self._request_count += 1
        self._since, self._received = self._server.now, 0
        self._current_request = request
        self._request_in_progress = True
        return request

    def _take(self, message: RawRequestMessage, payload: StreamReader) -> web.BaseRequest:
        """Take a message out of the queue and make the request of it that is handled now."""
        self._messages.popleft()
        self._make_room()
        self._since, self._received = self._server.now, 0
        request = web.BaseRequest(message, payload, self, None, self._task_handler, self._loop)  # type: ignore[arg-type]
        self._current_request = request
        self._request_in_progress = True
        return request

    def _release(self) -> None:
        """Note that no request is handled any more."""
        self._current_request = None
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)

    def _make_room(self) -> None:
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

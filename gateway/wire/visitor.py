"""One visitor's connection: aiohttp's server side with its strict parser, and what a proxy needs beside it.

aiohttp answers each request in a task of its own, from an answer object. Here the connection's own task handles
requests one after the other, and an answer may be written to the connection as it comes (`Relayed`). Methods with a
leading underscore that come from aiohttp are overridden or used on purpose: the version is locked, and
`tests/gateway/wire` holds the behaviour over raw sockets.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion11, web
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from gateway.wire.ends import Tunnelled
from gateway.wire.errors import BodyBroken, BodyTooSlow
from gateway.wire.own_answers import BAD_REQUEST, HEAD_TIMEOUT, TOO_LONG
from gateway.wire.proxy_protocol import BadPreface, read_preface
from gateway.wire.relayed import SENT, Relayed, Response

if TYPE_CHECKING:
    from gateway.wire.server import VisitorServer

GONE = "the visitor has gone"
"""What the work for a visitor is cancelled with who has closed the connection."""
LINGER = 5.0
"""Seconds in which the rest of a body is read away after an answer that came early."""


Handler = Callable[[web.BaseRequest], Awaitable[Response]]


class VisitorConnection(RequestHandler):
    """Owns one connection; `server` hears of its beginning and end, and looks after its time limits."""

    __slots__ = (
        "_far",
        "_half_closed",
        "_paused_at",
        "_preface",
        "_received",
        "_server",
        "_since",
        "abandonable",
        "address",
    )

    def __init__(self, server: "VisitorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self.abandonable = False
        """Whether the work under way is for the visitor alone, so that it is cancelled, with `GONE`, without one."""
        self._half_closed = False
        self._far: Tunnelled | None = None
        self._since = server.now
        """When the present step began: waiting for a request, or handling one."""
        self._received = 0
        """Bytes that have come during the present step."""
        self._paused_at = 0.0
        self.address = b""
        self._preface: bytes | None = None
        """What has come of the header by which a proxy says whom the connection is for; None when none is expected."""

    # What handlers use

    @property
    def speaks_1_1(self) -> bool:
        """Whether the request under way is HTTP/1.1."""
        return self._current_request is not None and self._current_request.version >= HttpVersion11

    def write(self, data: bytes) -> None:
        """Write to the visitor; bytes for one who has gone are dropped."""
        if self.transport is not None:
            self.transport.write(data)

    async def drain(self) -> None:
        """Return when the visitor has room for more; raises ConnectionError when the connection is gone."""
        if self._paused or self.transport is None:
            await self._drain_helper()

    def will_stay(self, request: web.BaseRequest) -> bool:
        """Whether the connection is used again after the answer to this request."""
        return request.keep_alive and not (self._close or self._force_close or self._half_closed)

    def tunnel(self, far: Tunnelled) -> None:
        """Hand everything that comes from now on to the far end of a tunnel."""
        self._far = far
        self._upgraded = True
        self.set_parser(far)  # type: ignore[arg-type]

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the server is full."""
        super().connection_made(transport)
        if self._server.expects_preface(self):
            self._preface = b""
        else:
            self._admit()

    def _admit(self) -> None:
        if refused := self._server.refuses(self):
            self.write(refused)
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; work that only the visitor wanted is given up."""
        task = self._task_handler
        super().connection_lost(exc)
        self._server.forget(self)
        if self.abandonable and task is not None:
            task.cancel(GONE)
        self._far = None

    def data_received(self, data: bytes) -> None:
        """Feed the parser; the time in which a head must be there begins with its first byte."""
        if self._preface is not None:
            data = self._read_preface(data)
            if not data:
                return
        if self._waiter is not None and not self._received:
            self._since = self._server.now
        self._received += len(data)
        super().data_received(data)

    def _read_preface(self, data: bytes) -> bytes:
        """Take the header of the PROXY protocol; returns what came behind it."""
        data = (self._preface or b"") + data
        try:
            preface = read_preface(data)
        except BadPreface:
            self.force_close()
            return b""
        if preface is None:
            self._preface = data
            return b""
        self._preface = None
        if preface.peer is not None:
            self._cache["peername"] = preface.peer
        self._admit()
        return data[preface.length :]

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Keep the connection for the answer to a request that was sent whole; else it ends."""
        if self._far is not None:
            return self._far.visitor_ended()
        request = self._current_request
        if self._waiter is not None or self.transport is None or self.ssl_context is not None:
            return None
        self._half_closed = True
        if request is not None and not request.content.is_eof():
            request.content.set_exception(BodyBroken("it ended too early"))
        elif self.abandonable:
            self._loop.call_later(self._server.policy.half_closed, self._give_up_half_closed)
        return True

    def pause_writing(self) -> None:
        """Note since when the visitor does not read."""
        super().pause_writing()
        self._paused_at = self._server.now
        if self._far is not None:
            self._far.hold(True)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._far is not None:
            self._far.hold(False)

    def _give_up_half_closed(self) -> None:
        if self.abandonable and self.transport is not None:
            self.transport.abort()

    # Time limits

    def look(self, now: float) -> None:
        """End the connection if the present step takes too long."""
        policy, elapsed = self._server.policy, now - self._since
        if self.transport is None:
            return
        if self._waiter is not None:
            if self._received or self._request_count == 0:
                if elapsed > policy.head_timeout:
                    if self._received:
                        self.write(HEAD_TIMEOUT)
                    self.force_close()
            elif elapsed > policy.idle_timeout:
                self.force_close()
            return
        if policy.request_timeout and elapsed > policy.request_timeout:
            self.transport.abort()
        elif self._paused:
            ready = self.transport.get_write_buffer_size()
            if now - self._paused_at > policy.send_timeout + ready / policy.slowest:
                self.transport.abort()
        elif self._far is None and self._current_request is not None and not self._reading_paused:
            content = self._current_request.content
            if not content.is_eof() and elapsed > policy.body_timeout + self._received / policy.slowest:
                content.set_exception(BodyTooSlow("it came too slowly"))

    # The loop of requests

    async def start(self) -> None:
        """Handle the connection's requests one after the other until it ends."""
        try:
            while await self._next():
                message, payload = self._messages.popleft()
                self._make_room()
                self._since, self._received = self._server.now, 0
                if not hasattr(message, "method"):
                    self.write(TOO_LONG if isinstance(message.exc, LineTooLong) else BAD_REQUEST)
                    break
                assert self._request_factory is not None
                writer = StreamWriter(self, self._loop)
                request = self._request_factory(message, payload, self, writer, self._task_handler)  # type: ignore[arg-type]
                stays = await self._handle(request)
                payload.set_exception(BodyBroken("its request has been answered"))
                if not stays:
                    break
        except ConnectionError:
            pass
        finally:
            self._task_handler = None
            if self.transport is not None:
                self.transport.close()

    async def _next(self) -> bool:
        """Wait for a request; False when the connection is to end."""
        if self._force_close or (self._close and not self._messages):
            return False
        if not self._messages:
            if self._half_closed:
                return False
            self._since, self._received = self._server.now, 0
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                if not self._waiter.cancelled():
                    raise
                return False  # close() has cancelled it
            finally:
                self._waiter = None
        return not self._force_close

    def _make_room(self) -> None:
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()

    async def _handle(self, request: web.BaseRequest) -> bool:
        """Answer one request; returns whether the connection goes on."""
        self._current_request = request
        self._request_in_progress = True
        try:
            response = await self._server.handler(request)
            if isinstance(response, Relayed):
                stays, linger = response.keep_alive, response.linger
                if self._upgraded and self._far is None:
                    await self.finish_response(request, SENT, None)  # the upgrade was declined: HTTP goes on
            else:
                if self._close or self._half_closed:
                    response.force_close()
                _, gone = await self.finish_response(request, response, None)
                stays, linger = bool(response.keep_alive) and not gone, True
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not leave the visitor without an answer
            failed = self.handle_error(request, 500, error)
            await self.finish_response(request, failed, None)
            return False
        finally:
            self._current_request = None
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
        if not request.content.is_eof() and self.transport is not None:
            stays = linger and await self._read_away(request) and stays
        return stays and not self._close and not self._force_close

    async def _read_away(self, request: web.BaseRequest) -> bool:
        """Read what is left of a body, so that its sender sees the answer and no reset; whether that was all of it."""
        with contextlib.suppress(TimeoutError, BodyBroken, web.RequestPayloadError):
            async with asyncio.timeout(LINGER):
                await asyncio.sleep(0)  # whoever was reading the body has been told to stop, and does so first
                while not request.content.is_eof():
                    await request.content.readany()
        return bool(request.content.is_eof())


def connection_of(request: web.BaseRequest) -> VisitorConnection:
    """Return the connection that a request came on."""
    connection = request.protocol
    assert isinstance(connection, VisitorConnection), "only a VisitorServer's requests can be forwarded"
    return connection

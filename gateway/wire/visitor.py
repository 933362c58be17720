"""One visitor's connection: aiohttp's server side with its strict parser, and what a proxy needs beside it.

aiohttp answers each request in a task of its own, from an answer object. Here the connection's own task handles
requests one after the other, and an answer may be written to the connection as it comes (`Relayed`). Methods with a
leading underscore that come from aiohttp are overridden or used on purpose: the version is locked, and
`tests/conformance` holds the behaviour over raw sockets.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from gateway.wire.current import HandlingConnection
from gateway.wire.ends import Tunnelled
from gateway.wire.errors import BodyBroken, BodyTooSlow
from gateway.wire.own_answers import BAD_REQUEST, BODY_TIMEOUT, TOO_LONG
from gateway.wire.relayed import SENT, Relayed, Response, raised

if TYPE_CHECKING:
    from gateway.wire.server import VisitorServer

GONE = "the visitor has gone"
"""What the work for a visitor is cancelled with who has closed the connection."""
LINGER = 5.0
"""Seconds in which the rest of a body is read away after an answer that came early."""


Handler = Callable[[web.BaseRequest], Awaitable[Response]]


class VisitorConnection(HandlingConnection):
    """Owns one connection; `server` hears of its beginning and end, and looks after its time limits."""

    __slots__ = ("_half_closed", "_idle", "_last", "_made", "_quick", "abandonable", "on_gone")

    def __init__(self, server: "VisitorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self.abandonable = False
        """Whether the work under way is for the visitor alone, so that it is cancelled, with `GONE`, without one."""
        self.on_gone: Callable[[], None] | None = None
        """What is called instead, where the work is no task."""
        self._half_closed = self._last = False
        self._idle: asyncio.Future[None] | None = None
        """The loop's wait for a request."""
        self._quick = False
        """Whether a request is being answered beside the loop."""
        self._made: tuple[web.BaseRequest, Awaitable[Response]] | None = None
        """A request for the loop to go on with, and what is to be awaited for it."""

    # What handlers use

    @property
    def speaks_1_1(self) -> bool:
        """Whether the request under way is HTTP/1.1."""
        return self._current_request is not None and self._current_request.version >= HttpVersion11

    def write(self, data: bytes) -> None:
        """Write to the visitor; bytes for one who has gone are dropped."""
        if self.transport is not None:
            self.transport.write(data)

    def write_last(self, data: bytes) -> None:
        """Write the last bytes of an answer, together with those of other connections."""
        if self.transport is not None:
            self._server.batch.write(self.transport, data)

    async def drain(self) -> None:
        """Return when the visitor has room for more; raises ConnectionError when the connection is gone."""
        if self._paused or self.transport is None:
            await self._drain_helper()

    def will_stay(self, request: web.BaseRequest) -> bool:
        """Whether the connection is used again after the answer to this request."""
        return request.keep_alive and not (self._last or self._force_close or self._half_closed)

    def tunnel(self, far: Tunnelled) -> None:
        """Hand everything that comes from now on to the far end of a tunnel."""
        self._far = far
        self._upgraded = True
        self.set_parser(far)  # type: ignore[arg-type]

    # asyncio calls these

    def connection_lost(self, exc: BaseException | None) -> None:
        """End; work that only the visitor wanted is given up."""
        task = self._task_handler
        super().connection_lost(exc)
        self._server.forget(self)
        self._far = None
        if self.on_gone is not None:
            self.on_gone()
        if self.abandonable and task is not None:
            task.cancel(GONE)
        elif self._idle is not None:
            self._idle.cancel()

    def close(self) -> None:
        """Take no more requests; what is under way is answered, and its body still read."""
        self._last = True
        if self.waiting and self._idle is not None:
            self._idle.cancel()

    @property
    def waiting(self) -> bool:
        """Whether no request is being handled."""
        return self._idle is not None and not self._idle.done() and not self._quick

    def data_received(self, data: bytes) -> None:
        """Feed the parser; the time in which a head must be there begins with its first byte."""
        if self._preface is not None:
            data = self._read_preface(data)
            if not data:
                return
        if self._idle is not None and not self._quick and not self._idle.done():
            if self._boundary.between and (request := self._take_plain(data)) is not None:
                self._begin(request)
                return
            if not self._received:
                self._since = self._server.now
        self._received += len(data)
        self._feed(data)
        if self._messages and self.waiting:
            self._begin_next()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Keep the connection for the answer to a request that was sent whole; else it ends."""
        if self._far is not None:
            return self._far.visitor_ended()
        request = self._current_request
        if self.waiting or self.transport is None or self.ssl_context is not None:
            return None
        self._half_closed = True
        if request is not None and not request.content.is_eof():
            request.content.set_exception(BodyBroken("it ended too early"))
        elif self.abandonable or self.on_gone is not None:
            self._loop.call_later(self._server.policy.half_closed, self._give_up_half_closed)
        return True

    def _give_up_half_closed(self) -> None:
        if (self.abandonable or self.on_gone is not None) and self.transport is not None:
            self.transport.abort()

    # The loop of requests

    def _begin_next(self) -> None:
        """Begin the next request at once if that is possible, else let the loop do it."""
        message, payload = self._messages[0]
        assert self._idle is not None
        slow = self._server.quick is None or payload is not EMPTY_PAYLOAD or self._upgraded
        if slow or isinstance(message, _ErrInfo) or message.version < HttpVersion10:
            if not self._idle.done():
                self._idle.set_result(None)
            return
        self._quick = True  # before more is taken from the parser, which would begin the one after this
        self._begin(self._take(message, payload))

    def _begin(self, request: web.BaseRequest) -> None:
        """Begin a request beside the loop."""
        self._quick = True
        assert self._server.quick is not None
        try:
            way = self._server.quick(request, self._answered)
        except Exception as error:  # noqa: BLE001 - a defect must not leave the visitor without an answer
            way = raised(error)
        if way is not None:
            self._hand_on(way)

    def _answered(self, result: Relayed | Awaitable[Response] | None) -> None:
        """Take what has become of a request that was begun at once."""
        if result is not None and not isinstance(result, Relayed):
            self._hand_on(result)
            return
        self._quick = False
        self._release()
        if result is None or not result.keep_alive or self._last or self._force_close:
            self._server.batch.flush()
            self._force_close = True
            if self._idle is not None:
                self._idle.cancel()
            return
        self._since, self._received = self._server.now, 0
        if self._messages:
            self._server.batch.flush()  # pipelined: the next answer may be written otherwise
            self._begin_next()

    def _hand_on(self, way: Awaitable[Response]) -> None:
        assert self._current_request is not None
        self._quick = False
        self._made = self._current_request, way
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def start(self) -> None:
        """Handle the connection's requests one after the other until it ends."""
        try:
            while await self._next():
                if self._made is not None:
                    (request, way), self._made = self._made, None
                else:
                    message, payload = self._messages[0]
                    if isinstance(message, _ErrInfo) or message.version < HttpVersion10:  # HTTP/0.9 has no heads
                        self.write(TOO_LONG if isinstance(getattr(message, "exc", None), LineTooLong) else BAD_REQUEST)
                        break
                    request = self._take(message, payload)
                    way = self._server.handler(request)
                stays = await self._handle(request, way)
                request.content.set_exception(BodyBroken("its request has been answered"))
                if not stays:
                    break
        except ConnectionError:
            pass
        finally:
            self._task_handler = None
            self._server.batch.flush()
            if self.transport is not None:
                self.transport.close()

    async def _next(self) -> bool:
        """Wait for a request; False when the connection is to end."""
        if self._force_close or (self._last and not self._messages):
            return False
        if self._messages:
            self._server.batch.flush()  # pipelined: the next answer may be written otherwise
            return True
        if self._half_closed:
            return False
        self._since, self._received = self._server.now, 0
        self._idle = self._loop.create_future()
        try:
            await self._idle
        except asyncio.CancelledError:
            if not self._idle.cancelled():
                raise
            return False  # it is to end
        finally:
            self._idle = None
        return self._made is not None or not self._force_close

    async def _handle(self, request: web.BaseRequest, way: Awaitable[Response]) -> bool:
        """Answer one request with what is awaited; returns whether the connection goes on."""
        request._payload_writer = StreamWriter(self, self._loop)  # only for what is written by aiohttp
        try:
            response = await way
            if isinstance(response, Relayed):
                stays, linger = response.keep_alive, response.linger
                if self._upgraded and self._far is None:
                    await self.finish_response(request, SENT, None)  # the upgrade was declined: HTTP goes on
            else:
                if self._last or self._half_closed:
                    response.force_close()
                _, gone = await self.finish_response(request, response, None)
                stays, linger = bool(response.keep_alive) and not gone, True
        except (asyncio.CancelledError, ConnectionError):
            raise
        except (BodyBroken, web.RequestPayloadError) as error:
            self.write(BODY_TIMEOUT if isinstance(error, BodyTooSlow) else BAD_REQUEST)
            return False
        except Exception as error:  # noqa: BLE001 - a defect must not leave the visitor without an answer
            failed = self.handle_error(request, 500, error)
            await self.finish_response(request, failed, None)
            return False
        finally:
            self._release()
        if not request.content.is_eof() and self.transport is not None:
            stays = linger and await self._read_away(request) and stays
        return stays and not self._last and not self._force_close

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

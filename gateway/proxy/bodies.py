"""Bodies and interim answers on their way: from the visitor to a node, and what a node says before its answer."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from gateway.errors import VisitorFailed
from gateway.proxy.headers import to_visitor
from gateway.wire.answer import Fields
from gateway.wire.errors import BodyBroken, BodyTooSlow, NodeBroke
from gateway.wire.node_connection import NodeConnection
from gateway.wire.visitor import VisitorConnection

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SLOW = 1.0
"""Seconds of silence after which a visitor is a slow one, who keeps no place at the node."""
INVITE_AFTER = 1.0
"""Seconds that a node has to say `100 Continue`, after which the gateway says it (RFC 9110, 10.1.1)."""


class Invitation:
    """A visitor who keeps a body back until the node, or after a while the gateway, asks for it."""

    def __init__(self, visitor: VisitorConnection) -> None:
        self._visitor = visitor
        self._said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = False

    def interim(self, status: int, reason: bytes, fields: Fields) -> None:
        """Take an interim answer of the node."""
        if status != 100:
            relay_interim(self._visitor, status, reason, fields)
        elif not self._said.done():
            self._said.set_result(None)

    async def wait(self) -> None:
        """Return when the visitor has been asked for the body."""
        await asyncio.wait([self._said], timeout=INVITE_AFTER)
        self.sent = True
        self._visitor.write(CONTINUE)


def relay_interim(visitor: VisitorConnection, status: int, reason: bytes, fields: Fields) -> None:
    """Hand an interim answer on, but not to HTTP/1.0, which has none (RFC 9110, 15.2)."""
    if visitor.speaks_1_1:
        visitor.write(head(status, reason, to_visitor(fields)[0]))


def head(status: int, reason: bytes, lines: list[bytes]) -> bytes:
    """Return the bytes of an answer's head from the lines of its fields."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, b"".join(lines))


def chunk(data: bytes) -> bytes:
    """Return bytes as one chunk; none for none, since an empty one would be the end."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk(trailers: list[bytes]) -> bytes:
    """Return the end of a body in chunks, with the lines of its trailers."""
    return b"0\r\n" + b"".join(trailers) + b"\r\n"


async def send_body(
    request: web.BaseRequest,
    connection: NodeConnection,
    most: int,
    invitation: Invitation | None,
    free: Callable[[], None],
) -> None:
    """Send the visitor's body to the node as it comes, at most `most` bytes; raises VisitorFailed when it breaks off.

    `free` is called when the visitor is so slow that the node has nothing to do. A node that takes no more is not an
    error: it may have answered already.
    """
    if invitation is not None:
        await invitation.wait()
    chunked, sent = "Content-Length" not in request.headers, 0
    try:
        while data := await _piece(request, free):
            sent += len(data)
            check_size(sent, most)
            await connection.send(chunk(data) if chunked else data)
        if chunked:
            await connection.send(last_chunk([]))
    except VisitorFailed:
        connection.give_up(NodeBroke("the visitor's body broke off"))
        raise
    except NodeBroke:
        return
    connection.end_request()


async def read_whole(request: web.BaseRequest, length: int) -> bytes:
    """Return a body of known length; raises VisitorFailed when it breaks off or comes too slowly."""
    body = bytearray()
    while len(body) < length and (data := await _piece(request, lambda: None)):
        body += data
    return bytes(body)


async def _piece(request: web.BaseRequest, free: Callable[[], None]) -> bytes:
    try:
        try:
            async with asyncio.timeout(SLOW):
                data: bytes = await request.content.readany()
        except TimeoutError:
            free()
            data = await request.content.readany()
    except BodyTooSlow as error:
        raise VisitorFailed(408, "body_timeout", "The body did not come in time.") from error
    except (BodyBroken, RequestPayloadError, HttpProcessingError, ConnectionError) as error:
        raise VisitorFailed(400, "body_broken", "The body is not framed as HTTP demands.") from error
    return data


def check_size(size: int, most: int) -> None:
    """Raise VisitorFailed for a body that is larger than is accepted."""
    if size > most:
        raise VisitorFailed(413, "body_too_large", "The body is larger than is accepted.")

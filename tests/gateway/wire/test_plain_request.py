"""A plain request is the request that aiohttp would have made of its bytes."""

from typing import Any

import pytest
from aiohttp import web

from gateway.core.connection_policy import ConnectionPolicy
from gateway.wire.plain_request import PlainRequest
from gateway.wire.relayed import Response
from gateway.wire.server import VisitorServer
from tests.conftest import until

HEAD = b"GET /slots?day=1 HTTP/1.1\r\nHost: portal.example\r\nAccept: */*\r\nCookie: a=b\r\nX-A: 1\r\n\r\n"
POST = b"POST /book HTTP/1.1\r\nHost: portal.example\r\nContent-Length: 2\r\n\r\nok"


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def __getattr__(self, name: str) -> Any:
        """Do nothing, whatever else is asked for."""
        return lambda *_, **__: False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.written += data

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Say where the visitor sits."""
        return ("192.0.2.7", 1234) if name == "peername" else default


async def sent(*pieces: bytes, plainly: bool = True, **policy: Any) -> list[web.BaseRequest]:
    """Send requests on one connection, each when the one before is answered; returns what the handler gets."""
    seen: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> Response:
        seen.append(request)
        await request.read()
        return web.Response(status=204)

    server = VisitorServer(handle, ConnectionPolicy(**policy))
    server.quick = (lambda request, _: handle(request)) if plainly else None
    connection, wire = server(), Wire()
    connection.connection_made(wire)  # type: ignore[arg-type]
    for number, piece in enumerate(pieces, 1):
        await until(lambda: connection.waiting)
        connection.data_received(piece)
        await until(lambda count=number: wire.written.count(b" 204 ") == count)
    connection.connection_lost(None)
    await server.shutdown(0)
    return seen


async def test_all_of_a_request_is_there_when_it_is_asked_for() -> None:
    """Fields, target, address and body are those of the request that the parser would have made."""
    (plain,), (other,) = await sent(HEAD), await sent(HEAD, plainly=False)
    assert type(plain) is PlainRequest
    assert type(other) is web.BaseRequest
    names = (
        "method",
        "path",
        "raw_path",
        "path_qs",
        "query",
        "headers",
        "raw_headers",
        "version",
        "keep_alive",
        "remote",
    )
    for name in (*names, "host", "scheme", "can_read_body", "content_length", "cookies", "url"):
        assert getattr(plain, name) == getattr(other, name), name
    assert await plain.read() == b""
    with pytest.raises(AttributeError):
        _ = plain.nothing_of_this_name  # type: ignore[attr-defined]


async def test_a_connection_is_plain_again_behind_a_body_of_known_length() -> None:
    """Reads that follow a write go past the parser too; what comes with other fields is read anew."""
    seen = await sent(HEAD, POST, HEAD, HEAD.replace(b"X-A: 1", b"X-B: 2"))
    assert [type(request) is PlainRequest for request in seen] == [True, False, True, True]
    assert [request.headers.get("X-B") for request in seen] == [None, None, None, "2"]


async def test_limits_of_the_head_hold() -> None:
    """A head that is longer than a line may be goes through the parser, which says what is wrong."""
    assert [type(one) for one in await sent(HEAD, max_line=200, max_field=200)] == [PlainRequest]
    (long,) = await sent(HEAD.replace(b"X-A: 1", b"X-A: 1\r\nX-B: " + b"2" * 150), max_line=200, max_field=200)
    assert type(long) is web.BaseRequest
    (many,) = await sent(HEAD.replace(b"X-A: 1", b"\r\n".join(b"X-%d: 1" % n for n in range(7))), max_fields=10)
    assert type(many) is PlainRequest

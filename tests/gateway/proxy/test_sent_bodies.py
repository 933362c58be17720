"""Bodies on their way to the backend: as they come, and without harm to who waits meanwhile."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.conftest import until
from tests.gateway.proxy.conftest import Ends, Handler, echo

Through = Callable[[Handler], contextlib.AbstractAsyncContextManager[Ends]]


async def test_a_chunked_body_is_streamed(through: Through) -> None:
    """A body without a length arrives whole, and the backend sees its beginning before its end was sent."""
    began, pieces = asyncio.Event(), []

    async def slow(request: web.BaseRequest) -> web.Response:
        async for piece in request.content.iter_any():
            pieces.append(piece)
            began.set()
        return web.Response(text="done")

    async with through(slow) as ends:
        reader, writer = await asyncio.open_connection(ends.host, ends.port)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        )
        await asyncio.wait_for(began.wait(), 5)
        assert b"".join(pieces) == b"abc"
        writer.write(b"2\r\nde\r\n0\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.endswith(b"done")
    assert b"".join(pieces) == b"abcde"


async def test_who_sends_a_body_slowly_says_nothing_of_the_node(
    through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node's place is free while nothing comes, its failures stay at none, and the answer arrives in the end."""
    monkeypatch.setattr("gateway.proxy.bodies.SLOW", 0.05)
    async with through(echo) as ends, ends.connected() as (reader, writer):
        node = ends.pool.nodes[0]
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        await until(lambda: node.inflight > 0)
        await until(lambda: node.inflight == 0)
        writer.write(b"3\r\nabc\r\n0\r\n\r\n")
        assert b'"body": 3' in await reader.read()
        assert (node.window.failures, node.inflight) == (0, 0)


async def test_a_body_announced_with_expect_is_asked_for(through: Through) -> None:
    """A client that waits for `100 Continue` gets it, and its body arrives, whatever the backend does with it."""
    seen: list[str | None] = []

    async def plain(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("Expect"))
        return await echo(request)

    async with through(plain) as ends, ends.connected() as (reader, writer):
        writer.write(b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n")
        writer.write(b"Expect: 100-continue\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"12345")
        answer = await reader.read()
    assert b'"body": 5' in answer
    assert seen == ["100-continue"], "a node may say no before the body comes"

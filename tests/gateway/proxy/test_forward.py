"""Forwarding over real sockets: what the visitor sends is what the backend gets, and the other way round."""

import asyncio
import contextlib
import gzip
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.conftest import free_port, until
from tests.gateway.proxy.conftest import QUICK, Ends, Handler, echo, forwarding

Through = Callable[[Handler], contextlib.AbstractAsyncContextManager[Ends]]


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("/a%2Fb//c;d=1/../e?x=%20&y=a+b&z", "/a%2Fb//c;d=1/../e?x=%20&y=a+b&z"),
        ("//double", "//double"),
        ("/%D1%83?q=%D1%84", "/%D1%83?q=%D1%84"),
        ("/a?b=http://x/#", "/a?b=http://x/"),
        ("/a#b", "/a"),
        ("http://elsewhere/booking?a=b", "/booking?a=b"),
        ("/%", "/%"),
        ("/~user/(a)!'*", "/~user/(a)!'*"),
    ],
)
async def test_the_path_arrives_as_it_was_sent(through: Through, target: str, seen: str) -> None:
    """Nothing is decoded, collapsed or reordered; only what no backend ever sees is left out."""
    async with through(echo) as ends:
        _, body = await ends.get(target)
    assert f'"target": "{seen}"'.encode() in body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"])
async def test_any_method_passes(through: Through, method: str) -> None:
    """The method is the visitor's, with its body."""
    async with through(echo) as ends:
        head, body = await ends.get("/x", method, body=b"12345")
    assert head.startswith(b"HTTP/1.1 200")
    assert f'"method": "{method}", "body": 5'.encode() in body


async def test_an_answer_is_streamed(through: Through) -> None:
    """The visitor has the beginning of a long answer while the backend still writes."""
    go_on = asyncio.Event()

    async def long(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await go_on.wait()
        await response.write(b"second")
        return response

    async with through(long) as ends, ends.connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.readuntil(b"first")).startswith(b"HTTP/1.1 200")
        go_on.set()
        assert b"second" in await reader.read()


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
async def test_answers_of_any_size_arrive_whole(through: Through, size: int) -> None:
    """Small answers and large ones keep length and bytes."""

    async def sized(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * size)

    async with through(sized) as ends:
        head, body = await ends.get("/")
    assert f"Content-Length: {size}".encode() in head
    assert body == b"x" * size


async def test_compressed_answers_are_not_touched(through: Through) -> None:
    """What the backend compressed stays compressed, with its fields."""
    packed = gzip.compress(b"hello" * 100)

    async def zipped(request: web.BaseRequest) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "ETag": '"1"'})

    async with through(zipped) as ends:
        head, body = await ends.get("/", "GET", "Accept-Encoding: gzip")
    assert body == packed
    assert b"Content-Encoding: gzip" in head
    assert b'etag: "1"' in head.lower()


@pytest.mark.parametrize(
    ("method", "status", "length"), [("GET", 204, None), ("GET", 304, "1234"), ("HEAD", 200, "4711"), ("GET", 205, "0")]
)
async def test_answers_without_a_body_end_at_once(
    through: Through, method: str, status: int, length: str | None
) -> None:
    """204, 304 and the answer to HEAD have no body, and the next request on the connection is answered."""

    async def bare(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Length": length} if length else {})
        await response.prepare(request)
        return response

    async with through(bare) as ends:
        ask = f"{method} / HTTP/1.1\r\nHost: x\r\n".encode()
        answers = await ends.raw(ask + b"\r\n" + ask + b"Connection: close\r\n\r\n")
    assert answers.count(f"HTTP/1.1 {status}".encode()) == 2
    if method == "HEAD":
        assert b"Content-Length: 4711" in answers
    assert answers.endswith(b"\r\n\r\n")


async def test_a_head_says_the_length_that_a_get_would_have(through: Through) -> None:
    """A HEAD of a page is the GET without its body."""

    async def page(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 300)

    async with through(page) as ends:
        head, body = await ends.get("/", "HEAD")
    assert b"Content-Length: 300" in head
    assert body == b""


async def test_redirects_and_cookies_are_the_visitors_business(through: Through) -> None:
    """A redirect is passed on, not followed; each Set-Cookie stays a field, and ours comes after them."""

    async def redirect(request: web.BaseRequest) -> web.Response:
        response = web.Response(status=302, headers={"Location": "/elsewhere", "Talon-Visit": "end"})
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    async with through(redirect) as ends:
        head, _ = await ends.get("/")
    cookies = [line for line in head.decode().split("\r\n") if line.startswith("Set-Cookie")]
    assert cookies == ["Set-Cookie: a=1", "Set-Cookie: b=2", "Set-Cookie: talon_pass=x"]
    assert b"302" in head.split(b"\r\n")[0]
    assert b"Talon-Visit" not in head
    assert ends.said == [{"talon-visit": "end"}]


async def test_a_backend_that_is_not_there_is_a_connect_failure() -> None:
    """Nothing listens: the failure is told by its kind, and the place at the node is free again."""
    async with forwarding((f"http://127.0.0.1:{free_port()}",), QUICK) as ends:
        head, body = await ends.get("/")
    assert (b"599" in head, body, ends.failures[0].kind) == (True, b"connect", "connect")
    assert ends.pool.nodes[0].inflight == 0
    assert ends.pool.nodes[0].window.failures == 2, "asked once more: it costs a node nothing"


async def test_a_silent_backend_is_a_timeout(through: Through) -> None:
    """No answer within the read timeout is a timeout, not a hang."""
    over = asyncio.Event()

    async def silent(request: web.BaseRequest) -> web.Response:
        await over.wait()
        return web.Response()

    async with through(silent) as ends:
        _, body = await ends.get("/")
        over.set()
    assert body == b"timeout"


@pytest.mark.parametrize("announced", [500, 500_000])
async def test_half_an_answer_is_never_taken_for_a_whole_one(announced: int) -> None:
    """When the backend dies in the middle, the visitor gets an error or a broken connection, not a short page."""

    async def dying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {announced}\r\n\r\n".encode() + b"x" * 100)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(dying, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, forwarding((f"http://127.0.0.1:{port}",), QUICK) as ends:
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await ends.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    if announced < 65_536:
        assert b"599" in head
        assert body == b"read"
    else:
        assert b" 599 " not in head
        assert len(body) < announced
        assert not head or f"Content-Length: {announced}".encode() in head


async def test_a_chunked_answer_that_breaks_off_is_broken_for_the_visitor_too() -> None:
    """Without a length the missing end of the chunks tells: the gateway does not write one."""

    async def dying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(dying, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, forwarding((f"http://127.0.0.1:{port}",), QUICK) as ends:
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await ends.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert not answer.endswith(b"0\r\n\r\n")


async def test_a_visitor_who_leaves_gives_the_place_back(through: Through) -> None:
    """A visitor who closes the connection in the middle of an answer does not hold a place for ever."""

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65_536)
        return response

    async with through(endless) as ends:
        async with ends.connected() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"xxx")
            assert ends.pool.nodes[0].inflight == 1
            writer.transport.abort()
        await until(lambda: ends.pool.nodes[0].inflight == 0, 5, "the place is free again")


async def test_an_error_of_the_backend_is_its_own(through: Through) -> None:
    """A 500 of the backend is passed on as it is, and counts against the node."""

    async def broken(request: web.BaseRequest) -> web.Response:
        return web.Response(status=500, text="its own words")

    async with through(broken) as ends:
        head, body = await ends.get("/")
    assert b" 500 " in head
    assert body == b"its own words"
    assert (ends.pool.nodes[0].window.failures, ends.pool.nodes[0].window.answers) == (1, 0)

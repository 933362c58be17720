"""Shared documents: the ready-made bytes and the ordinary response are one answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.web.shared import SharedDocument

BODY = b'{"serving": 12}'
DOCUMENT = SharedDocument(BODY, max_age=1)
Fields = dict[str, str]


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    return DOCUMENT.answer(request)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that answers everything with the document."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def exchange(port: int, first_line: str, *fields: str, count: int = 1) -> tuple[list[tuple[str, Fields]], bytes]:
    """Send `count` requests at once; return status line and fields of the answers, and the last body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([first_line, "Host: portal", *fields, "", ""]).encode() * count)
    heads = []
    body = b""
    async with asyncio.timeout(5):
        for _ in range(count):
            status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            heads.append((status, dict(line.split(": ", 1) for line in lines)))
            bare = first_line.startswith("HEAD") or " 304 " in status
            body = b"" if bare else await reader.readexactly(int(heads[-1][1]["Content-Length"]))
    writer.close()
    await writer.wait_closed()
    return heads, body


@pytest.mark.parametrize(
    ("first_line", "fields"),
    [
        ("GET / HTTP/1.1", ()),
        ("GET / HTTP/1.1", ("Connection: close",)),
        ("GET / HTTP/1.0", ("Connection: keep-alive",)),
        ("HEAD / HTTP/1.1", ()),
    ],
)
async def test_every_client_gets_the_same_fields(port: int, first_line: str, fields: tuple[str, ...]) -> None:
    """Kept alive or not, old or new, with a body or without: status and fields agree, and so does the body."""
    heads, body = await exchange(port, first_line, *fields)
    status, got = heads[0]
    assert status.split(" ", 1)[1] == "200 OK"
    assert body == (b"" if first_line.startswith("HEAD") else BODY)
    (_, usual), *_ = (await exchange(port, "GET / HTTP/1.1"))[0]
    fixed = usual.keys() - {"Date", "Connection"}
    assert {name: got[name] for name in fixed} == {name: usual[name] for name in fixed}
    assert got["Cache-Control"] == "public, max-age=1"
    assert got["ETag"] == DOCUMENT.tag
    assert got["Content-Type"] == "application/json"
    assert "Date" in got


async def test_a_connection_carries_many_polls(port: int) -> None:
    """Requests that come together on one connection are answered one after the other, each whole."""
    heads, body = await exchange(port, "GET / HTTP/1.1", count=50)
    assert [status for status, _ in heads] == ["HTTP/1.1 200 OK"] * 50
    assert body == BODY


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize(
    ("known", "unchanged"),
    [
        (DOCUMENT.tag, True),
        (f'"other", W/{DOCUMENT.tag}', True),
        ("*", True),
        ('"other"', False),
        (DOCUMENT.tag.strip('"'), False),
    ],
)
async def test_who_knows_the_document_gets_304(port: int, known: str, unchanged: bool, close: bool) -> None:
    """Lists, weak tags and the star count as RFC 9110 has it; a 304 names the tag and has no body."""
    fields = (f"If-None-Match: {known}", *(["Connection: close"] if close else []))
    heads, body = await exchange(port, "GET / HTTP/1.1", *fields)
    status, got = heads[0]
    assert status == f"HTTP/1.1 {'304 Not Modified' if unchanged else '200 OK'}"
    assert body == (b"" if unchanged else BODY)
    assert (got["ETag"], got["Cache-Control"]) == (DOCUMENT.tag, "public, max-age=1")


async def test_a_reader_that_stops_reading_is_waited_for(port: int) -> None:
    """Whoever asks on and on without reading does not fill the gateway's memory, and gets all answers in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    count = 20_000
    writer.write(b"GET / HTTP/1.1\r\nHost: portal\r\n\r\n" * count)
    got = 0
    async with asyncio.timeout(30):
        for _ in range(count):
            await reader.readuntil(b"\r\n\r\n")
            got += (await reader.readexactly(len(BODY))) == BODY
    assert got == count
    writer.close()
    await writer.wait_closed()

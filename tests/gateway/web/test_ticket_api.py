"""The ticket API: bodies that cannot be used, places that are gone, rooms that only observe."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from gateway.web import body
from tests.gateway.web.conftest import ROOM, Portal
from tests.gateway.web.described import fits

Start = Callable[..., Any]


async def test_a_place_left_elsewhere_is_gone_when_its_turn_comes(portal: Portal) -> None:
    """Another gateway took the leave, so this one learns it from the store: 410, and no place is taken unasked."""
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.post("/_talon/tickets") as answer:
            joined = await answer.json()
        held = portal.site.tokens.read_ticket(joined["ticket"])
        assert held is not None
        assert await portal.store.leave(ROOM, held.lane, held.number, held.epoch)
        await portal.open()
        async with app.post("/_talon/tickets") as answer:
            assert answer.status == 200
        await portal.tick()
        async with app.get(f"/_talon/tickets/{joined['ticket']}") as answer:
            assert answer.status == 410
            await fits(answer, "get", "/_talon/tickets/{token}", "no_place")
        assert portal.room.view is not None
        assert portal.room.view.lanes["regular"].issued == 2


async def test_a_room_that_only_observes_says_open(start: Start) -> None:
    """Nobody needs a pass there: a join says so, and another proxy is told to let everybody through."""
    portal: Portal = await start(mode="observe")
    async with aiohttp.ClientSession(portal.visitors) as app:
        async with app.post("/_talon/tickets") as answer:
            assert await fits(answer, "post", "/_talon/tickets") == {"state": "open", "room": ROOM}
        async with app.get("/_talon/authorize", headers={"X-Original-URI": "/booking"}) as answer:
            assert answer.status == 204
            await fits(answer, "get", "/_talon/authorize")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"room=booking", 400, "bad_json"),
        (b"\xff", 400, "bad_json"),
        (b"[]", 422, "no_such_room"),
        (b'{"room": "nowhere"}', 422, "no_such_room"),
        (b'{"room": null}', 422, "no_such_room"),
        (b'{"room": ""}', 422, "no_such_room"),
        (b"x" * 20_000, 413, "body_too_large"),
    ],
)
async def test_a_body_that_cannot_be_used_takes_no_place(portal: Portal, body: bytes, status: int, code: str) -> None:
    """What is wrong is said, with or without a length known beforehand, and nobody joins."""

    async def in_pieces() -> Any:
        for start in range(0, len(body), 700):
            yield body[start : start + 700]

    async with aiohttp.ClientSession(portal.visitors) as app:
        for data in (body, in_pieces()):
            async with app.post("/_talon/tickets", data=data) as answer:
                assert answer.status == status
                await fits(answer, "post", "/_talon/tickets", code)
    await portal.tick()
    assert portal.room.view is not None
    assert portal.room.view.lanes["regular"].issued == 0


async def exchange(portal: Portal, sent: bytes) -> bytes:
    """Send bytes that no client library would send, and return the whole answer."""
    host, _, port = portal.visitors.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            return head + await reader.readexactly(int(length[1]) if length else 0)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_comes_in_pieces_is_read_to_its_end(portal: Portal) -> None:
    """A body in many chunks is one document."""
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"room": "booking"}') + b"0\r\n\r\n"
    head = b"POST /_talon/tickets HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await exchange(portal, head + pieces)).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_never_comes_is_not_waited_for(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that announces a body and stays silent is answered 408 when the time for it is over."""
    monkeypatch.setattr(body, "BODY_TIMEOUT", 0.05)
    answer = await exchange(portal, b"POST /_talon/tickets HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"body_timeout"' in answer


@pytest.mark.parametrize("path", [b"rooms/\xff", b"rooms/\xed\xa0\x80", b"tickets/\xff", b"\xff", b"rooms/%ED%A0%80"])
async def test_bytes_that_are_no_text_are_not_found(portal: Portal, path: bytes) -> None:
    """An address of bytes that are not UTF-8 is refused by the gateway as any other that is not there."""
    answer = await exchange(portal, b"GET /_talon/" + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.split()[1] in (b"400", b"404")

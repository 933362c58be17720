"""Writes with a key at the gate: done once, answered again, refused when the key means something else."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.errors import StoreUnavailable
from tests.conftest import until
from tests.gateway.web.conftest import Hello, Portal

KEY = {"Idempotency-Key": '"k-1"', "Cookie": "session=ann"}


async def post(portal: Portal, body: bytes = b"slot=1", path: str = "/about", **fields: str) -> tuple[int, Any, bytes]:
    async with (
        aiohttp.ClientSession(portal.visitors) as session,
        session.post(path, data=body, headers={**KEY, **fields}) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


async def test_a_repetition_gets_the_first_answer(portal: Portal) -> None:
    """The backend is asked once; the repetition is marked, and has the same status, fields and body."""
    first = await post(portal)
    again = await post(portal)
    assert (first[0], first[2]) == (again[0], again[2]) == (200, b"hello from primary")
    assert first[1]["X-Pool"] == again[1]["X-Pool"]
    assert "Idempotency-Replayed" not in first[1]
    assert again[1]["Idempotency-Replayed"] == "true"
    assert first[1]["X-Request-Id"] != again[1]["X-Request-Id"]
    assert len(portal.upstream.asked) == 1
    assert [line["decision"] for line in portal.log_lines()] == ["no_room", "repetition"]


async def test_another_request_with_the_same_key_is_refused(portal: Portal) -> None:
    """A key that was used with another body, path or type is an error of the client."""
    await post(portal)
    for changed in (post(portal, b"slot=2"), post(portal, path="/elsewhere")):
        status, _, body = await changed
        assert (status, b"idempotency_key_reused" in body) == (422, True)
    assert len(portal.upstream.asked) == 1


async def test_a_stranger_with_the_same_key_gets_nothing_of_it(portal: Portal) -> None:
    """Keys belong to who sends them: another session is another sender."""
    await post(portal)
    _, fields, _ = await post(portal, Cookie="session=bob")
    assert "Idempotency-Replayed" not in fields
    _, fields, _ = await post(portal, **{"X-Forwarded-For": "203.0.113.7"})
    assert "Idempotency-Replayed" not in fields, "the same cookies behind the same proxy, from another address"
    assert len(portal.upstream.asked) == 3


async def test_a_visit_that_has_ended_still_gets_its_answer(portal: Portal) -> None:
    """The booking ended the visit and its answer was lost: the repetition is answered, room or not."""
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get("/booking") as entry:
            token = entry.cookies["talon_pass"].value
        fields = {"Idempotency-Key": "b-1", "Talon-Pass": token}
        async with session.post("/booking/end", data=b"x", headers=fields) as first:
            assert first.status == 200
        await portal.close()
        async with session.post("/booking/end", data=b"x", headers=fields) as again:
            assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
            assert "talon_pass" not in again.cookies
        async with session.post("/booking/end", data=b"x", headers={"Talon-Pass": token}) as without:
            assert without.status == 503
    assert [target for _, target in portal.upstream.asked].count("/booking/end") == 1


@pytest.mark.parametrize(("kind", "repeated"), [("connect", 502), ("overloaded", 503), ("read", 409), ("timeout", 409)])
async def test_what_was_not_sent_may_be_repeated_at_once(portal: Portal, kind: str, repeated: int) -> None:
    """A request that reached no node is free; one whose outcome nobody knows is held back for a while."""
    portal.upstream.fails = kind
    assert (await post(portal))[0] in (502, 503, 504)
    assert (await post(portal))[0] == repeated
    portal.now += 11.0
    portal.upstream.fails = ""
    assert (await post(portal))[0] == 200


@dataclass
class Slow(Hello):
    """Answers when it is told to."""

    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, *args: Any, **named: Any) -> web.StreamResponse:
        await self.go.wait()
        return await super().send(*args, **named)


async def test_while_it_is_under_way_others_are_told_to_ask_again(portal: Portal) -> None:
    """Two at the same time: one is carried out, the other gets 409 with Retry-After, and later the answer."""
    slow = Slow()
    portal.site.upstream = slow
    first = asyncio.create_task(post(portal))
    await until(lambda: portal.site.answers._records)  # type: ignore[attr-defined]
    status, fields, body = await post(portal)
    assert (status, b"idempotency_under_way" in body, fields["Retry-After"]) == (409, True, "1")
    slow.go.set()
    assert (await first)[0] == 200
    assert (await post(portal))[1]["Idempotency-Replayed"] == "true"
    assert len(slow.asked) == 1


async def test_a_broken_key_is_said_to_be_broken(portal: Portal) -> None:
    """400, and nothing is sent."""
    status, _, body = await post(portal, **{"Idempotency-Key": '"half'})
    assert (status, b"idempotency_key_invalid" in body) == (400, True)
    assert portal.upstream.asked == []


async def test_reads_and_switched_off_keys_go_through(portal: Portal) -> None:
    """A GET with a key is a GET."""
    async with aiohttp.ClientSession(portal.visitors) as session:
        for _ in range(2):
            async with session.get("/about", headers=KEY) as answer:
                assert "Idempotency-Replayed" not in answer.headers
    assert len(portal.upstream.asked) == 2


async def test_without_the_store_a_write_goes_through(portal: Portal) -> None:
    """Nobody can remember it; the backend's own uniqueness is what is left."""

    class Gone:
        async def look(self, *_: Any) -> bytes:
            raise StoreUnavailable("gone")

        begin = settle = look

    portal.site.answers = Gone()  # type: ignore[assignment]
    assert [(await post(portal))[0] for _ in range(2)] == [200, 200]
    assert len(portal.upstream.asked) == 2

"""The gate: who goes in, who waits and what both are told; the rule that needs no documentation."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from gateway.core.ticket import Ticket
from tests.gateway.web.conftest import ROOM, Portal

Come = Callable[[Portal], aiohttp.ClientSession]
Start = Callable[..., Any]
MEMBERS = {
    "type",
    "title",
    "status",
    "code",
    "ticket",
    "position",
    "ahead",
    "eta_seconds_low",
    "eta_seconds_high",
    "retry_after",
}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def test_a_newcomer_goes_in_when_there_is_room(portal: Portal, visitor: Come) -> None:
    """With capacity free the first request is answered by the backend and sets the pass cookie, no ticket."""
    me = visitor(portal)
    async with me.get("/booking/slots") as answer:
        assert (answer.status, await answer.text()) == (200, "hello from primary")
        cookie = answer.cookies["talon_pass"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert portal.room.ledger.inside("primary") == 1
    assert portal.log_lines()[-1]["decision"] == "room_free"


async def test_who_must_wait_is_told_how_long_in_the_contracts_words(portal: Portal, visitor: Come) -> None:
    """A client gets 503, `Retry-After`, every member of the problem document and the ticket cookie."""
    await portal.close()
    me = visitor(portal)
    async with me.get("/booking") as answer:
        body = await answer.json(content_type="application/problem+json")
        assert answer.status == body["status"] == 503
        assert answer.headers["Cache-Control"] == "no-store"
        assert int(answer.headers["Retry-After"]) == body["retry_after"] >= 1
        assert set(body) >= MEMBERS
        assert (body["code"], body["ahead"], body["position"]) == ("queue", 0, 1)
        assert answer.cookies["talon_ticket"].value == body["ticket"]
    async with visitor(portal).get("/booking") as answer:
        assert (await answer.json(content_type=None))["position"] == 2
    assert portal.upstream.asked == []


async def test_a_browser_gets_the_waiting_page(portal: Portal, visitor: Come) -> None:
    """`Accept: text/html` brings a page with status 202, `Retry-After`, a strict policy and the ticket cookie."""
    await portal.close()
    async with visitor(portal).get("/booking", headers=BROWSER) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type) == (202, "text/html")
        assert answer.headers["Cache-Control"] == "no-store"
        assert int(answer.headers["Retry-After"]) >= 1
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "talon_ticket" in answer.cookies
    assert "<html" in page


@pytest.mark.parametrize("status", [200, 429, 503])
async def test_the_status_of_the_page_is_the_operators_choice(start: Start, visitor: Come, status: int) -> None:
    """Some caches and monitors need another status than 202."""
    portal = await start(page_status=status)
    await portal.close()
    async with visitor(portal).get("/booking", headers=BROWSER) as answer:
        assert answer.status == status


async def test_who_keeps_cookies_and_obeys_gets_in(portal: Portal, visitor: Come) -> None:
    """On 503 wait `Retry-After` and repeat the same request: the place is kept, and its turn comes."""
    await portal.close()
    me, numbers = visitor(portal), set()
    for turn in range(20):
        async with me.post("/booking/slots/7/book", data=b"x") as answer:
            if answer.status == 200:
                break
            numbers.add((await answer.json(content_type=None))["number"])
            pause = int(answer.headers["Retry-After"])
        if turn == 2:
            await portal.open()
        await portal.tick(pause)
    assert answer.status == 200
    assert "talon_pass" in answer.cookies
    assert answer.cookies["talon_ticket"]["max-age"] == "0"
    assert numbers == {1}
    assert portal.log_lines()[-1]["decision"] == "turn"


async def test_the_headers_serve_clients_without_cookies(portal: Portal) -> None:
    """The same tokens are good in `Talon-Ticket` and `Talon-Pass`."""
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.get("/booking") as answer:
            ticket = (await answer.json(content_type=None))["ticket"]
        async with app.get("/booking", headers={"Talon-Ticket": ticket}) as answer:
            assert (await answer.json(content_type=None))["ticket"] == ticket
        await portal.open()
        async with app.get("/booking", headers={"Talon-Ticket": ticket}) as answer:
            assert answer.status == 200
            admission = answer.cookies["talon_pass"].value
        await portal.close()
        async with app.get("/booking", headers={"Talon-Pass": admission}) as answer:
            assert answer.status == 200


async def test_a_pass_never_sees_the_waiting_page(portal: Portal, visitor: Come) -> None:
    """Who is in stays in: with the room full, with the room paused and with the store gone."""
    me = visitor(portal)
    await (await me.get("/booking")).read()
    await portal.close()
    async with visitor(portal).get("/booking") as answer:
        assert answer.status == 503
    portal.store.gone = True
    await portal.tick(2)
    assert portal.room.store_up is False
    for _ in range(3):
        async with me.get("/booking/next", headers=BROWSER) as answer:
            assert answer.status == 200
    assert portal.log_lines()[-1]["decision"] == "pass"


async def test_without_the_store_places_are_kept_and_nobody_new_goes_in(portal: Portal, visitor: Come) -> None:
    """A ticket holder is told that the place is kept, a newcomer waits without one; both get in when it is back."""
    await portal.close()
    holder, newcomer = visitor(portal), visitor(portal)
    async with holder.get("/booking") as answer:
        ticket = (await answer.json(content_type=None))["ticket"]
    portal.store.gone = True
    await portal.tick(1)
    async with holder.get("/booking") as answer:
        body = await answer.json(content_type=None)
        assert (answer.status, body["code"], body["ticket"]) == (503, "store_down", ticket)
    async with newcomer.get("/booking", headers=BROWSER) as answer:
        assert answer.status == 202
        assert "talon_ticket" not in answer.cookies
    portal.store.gone = False
    await portal.open()
    for client in (holder, newcomer):
        async with client.get("/booking") as answer:
            assert answer.status == 200


async def test_a_store_that_fails_under_a_request_is_no_error_page(portal: Portal, visitor: Come) -> None:
    """When the store goes between two ticks the visitor waits, and the room knows at once."""
    portal.store.gone = True
    async with visitor(portal).get("/booking") as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (503, "store_down")
    assert portal.room.store_up is False


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/booking/style.css", "static"),
        ("POST", "/booking/bookings/7/cancel", "cancel"),
        ("POST", "/booking/7/confirm", "confirm"),
        ("GET", "/healthz", "health"),
        ("GET", "/about", "visit"),
    ],
)
async def test_what_frees_capacity_or_needs_no_room_never_queues(
    portal: Portal, visitor: Come, method: str, path: str, name: str
) -> None:
    """Express classes and unprotected paths are forwarded with the room full and the store gone, without a pass."""
    await portal.close()
    portal.store.gone = True
    await portal.tick(1)
    async with visitor(portal).request(method, path) as answer:
        assert answer.status == 200
        assert "talon_pass" not in answer.cookies
    assert portal.log_lines()[-1]["class"] == name


@pytest.mark.parametrize(
    "target", ["/booking#x.css", "/BOOKING/x", "//booking", "/%62ooking", "/;a/booking", "/x/../booking"]
)
async def test_no_spelling_walks_around_the_room(portal: Portal, target: str) -> None:
    """Raw targets that a backend may read as the room's path queue like it."""
    await portal.close()
    host, _, port = portal.visitors.removeprefix("http://").partition(":")
    for sent in (target, f"http://elsewhere{target}"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {sent} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        assert answer.startswith(b"HTTP/1.1 503"), sent
    assert portal.upstream.asked == []


async def test_an_ended_visit_gives_the_pass_back(portal: Portal, visitor: Come) -> None:
    """When the backend says that the visit is over, the cookie goes and the place inside is free."""
    me = visitor(portal)
    await (await me.get("/booking")).read()
    assert portal.room.ledger.total == 1
    async with me.get("/booking/end") as answer:
        assert answer.cookies["talon_pass"]["max-age"] == "0"
    assert portal.room.ledger.total == 0
    await portal.close()
    async with me.get("/booking") as answer:
        assert answer.status == 503


async def test_a_pass_in_use_is_renewed_and_an_idle_one_ends(portal: Portal, visitor: Come) -> None:
    """Requests extend the pass before it runs out; after the idle time without any the visit queues again."""
    me = visitor(portal)
    await (await me.get("/booking")).read()
    renewed = 0
    for _ in range(6):
        portal.now += 290
        await portal.tick()
        async with me.get("/booking/next") as answer:
            assert answer.status == 200
            renewed += "talon_pass" in answer.cookies
    assert 2 <= renewed <= 6
    portal.now += 601
    await portal.close()
    async with me.get("/booking/next") as answer:
        assert answer.status == 503


async def test_observe_lets_everybody_through_and_says_so(start: Start, visitor: Come) -> None:
    """In observe mode nobody waits and no cookie is set, whatever the room looks like."""
    portal = await start(mode="observe")
    await portal.close()
    async with visitor(portal).get("/booking") as answer:
        assert answer.status == 200
        assert not answer.cookies
    assert portal.log_lines()[-1]["decision"] == "observe"


async def test_lanes_come_from_a_trusted_header(portal: Portal, visitor: Come) -> None:
    """The portal names the lane; an unknown name, or none, is the lane with the most distant target."""
    await portal.close()
    for header, lane in (("urgent", "urgent"), ("vip", "regular"), ("", "regular")):
        async with visitor(portal).get("/booking", headers={"X-Lane": header} if header else {}) as answer:
            assert (await answer.json(content_type=None))["lane"] == lane


async def test_a_ticket_of_a_lane_that_is_gone_gets_a_new_place(portal: Portal, visitor: Come) -> None:
    """After a lane was taken out of the configuration its tickets do not wait for ever."""
    await portal.close()
    me = visitor(portal)
    epoch = portal.room.view.epoch if portal.room.view else ""
    old = Ticket(room=ROOM, epoch=epoch, lane="vip", number=3, joined_at=0)
    token = portal.site.tokens.ticket_cookie(old).partition("=")[2].partition(";")[0]
    async with me.get("/booking", headers={"Talon-Ticket": token}) as answer:
        body = await answer.json(content_type=None)
        assert (body["lane"], body["number"]) == ("regular", 1)
        assert "talon_ticket" in answer.cookies


async def test_a_full_room_hands_out_no_tickets(start: Start, visitor: Come) -> None:
    """Beyond the limit of waiters visitors are told to come later, without a place."""
    portal = await start(max_waiting=1)
    await portal.close()
    await (await visitor(portal).get("/booking")).read()
    async with visitor(portal).get("/booking") as answer:
        body = await answer.json(content_type=None)
        assert (answer.status, body["code"], "ticket" in body) == (503, "full", False)
        assert int(answer.headers["Retry-After"]) >= 60
        assert "talon_ticket" not in answer.cookies


async def test_what_a_request_needs_of_a_pool_follows_from_its_class_and_pass(portal: Portal) -> None:
    """Only who has neither a pass nor an express class may be refused at the door of a pool."""
    async with aiohttp.ClientSession(portal.visitors) as session:
        for path in ("/about", "/healthz", "/booking"):
            async with session.get(path) as answer:
                assert answer.status == 200
    assert [(need.sheddable, need.priority, need.cost) for need in portal.upstream.needs if need] == [
        (True, 0, 1.0),
        (False, 0, 1.0),
        (False, 0, 1.0),
    ]

"""The gateway's own addresses: the shared document, the ticket API, forward-auth and the status page."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from gateway.core.control import Control
from gateway.core.ticket import Ticket
from tests.gateway.web.conftest import ROOM, Portal

Come = Callable[[Portal], aiohttp.ClientSession]
Start = Callable[..., Any]
BROWSER = {"Accept": "text/html"}


async def look(person: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, Any, Any]:
    """Return status, JSON body and headers."""
    async with person.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_the_now_serving_document_is_the_same_for_everyone(portal: Portal, visitor: Come) -> None:
    """Newcomers, waiting visits and admitted ones get the same bytes, small and cacheable for a second."""
    inside, waiting = visitor(portal), visitor(portal)
    await (await inside.get("/booking")).read()
    await portal.close()
    await (await waiting.get("/booking")).read()
    await portal.tick(1)
    bodies = set()
    for person in (inside, waiting, visitor(portal)):
        async with person.get(f"/_talon/rooms/{ROOM}") as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=1"
            assert "Set-Cookie" not in answer.headers
            bodies.add((await answer.read(), answer.headers["ETag"]))
    assert len(bodies) == 1
    assert len(next(iter(bodies))[0]) < 1000
    _, document, _ = await look(waiting, f"/_talon/rooms/{ROOM}")
    assert (document["room"], document["state"], set(document["lanes"])) == (ROOM, "queueing", {"urgent", "regular"})
    assert (document["lanes"]["regular"]["issued"], document["lanes"]["regular"]["serving"]) == (2, 1)


async def test_an_unchanged_document_is_not_sent_again(portal: Portal, visitor: Come) -> None:
    """With its ETag a poller gets 304 without a body, and the new document as soon as a number moves."""
    me = visitor(portal)
    _, _, headers = await look(me, f"/_talon/rooms/{ROOM}")
    async with me.get(f"/_talon/rooms/{ROOM}", headers={"If-None-Match": headers["ETag"]}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert answer.headers["ETag"] == headers["ETag"]
    await (await me.get("/booking")).read()
    await portal.tick(1)
    async with me.get(f"/_talon/rooms/{ROOM}", headers={"If-None-Match": headers["ETag"]}) as answer:
        assert answer.status == 200


async def test_the_document_is_at_most_a_second_old(portal: Portal, visitor: Come) -> None:
    """What a poller reads is what the room was within the last second, also with the store gone."""
    me = visitor(portal)
    _, before, _ = await look(me, f"/_talon/rooms/{ROOM}")
    portal.store.gone = True
    await portal.tick(1)
    _, after, _ = await look(me, f"/_talon/rooms/{ROOM}")
    assert (before["state"], after["state"]) == ("open", "store_down")


async def test_a_poll_keeps_the_place_alive(portal: Portal, visitor: Come) -> None:
    """Reading the document with a ticket cookie is a sign of presence: the visit is not passed over as silent."""
    pause = Control(action="pause", author="Ann", reason="storm", until=portal.now + 3600)
    await portal.store.set_control(ROOM, pause.to_bytes())
    await portal.tick(1)
    present, silent = visitor(portal), visitor(portal)
    for person in (silent, present):
        await (await person.get("/booking")).read()
    for _ in range(8):
        portal.now += 60
        await look(present, f"/_talon/rooms/{ROOM}")
        await portal.tick(1)
    await portal.store.set_control(ROOM, b"")
    await portal.tick(3)
    async with present.get("/booking") as answer:
        assert answer.status == 200
    async with silent.get("/booking") as answer:
        assert answer.status == 503
    await portal.tick(3)
    async with silent.get("/booking") as answer:
        assert answer.status == 200


async def test_an_app_joins_looks_and_goes_in(portal: Portal) -> None:
    """POST gives a place, GET tells how it stands, and when the turn comes GET gives the pass."""
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.post("/_talon/tickets", json={"room": ROOM}) as answer:
            joined = await answer.json()
            assert (answer.status, joined["state"], joined["position"]) == (201, "waiting", 1)
            assert "talon_ticket" in answer.cookies
        path = f"/_talon/tickets/{joined['ticket']}"
        async with app.get(path) as answer:
            body = await answer.json()
            assert (answer.status, body["ticket"], body["number"]) == (200, joined["ticket"], 1)
            assert int(answer.headers["Retry-After"]) == body["retry_after"]
        await portal.open()
        async with app.get(path) as answer:
            admitted = await answer.json()
            assert (answer.status, admitted["state"]) == (200, "admitted")
            assert admitted["expires_at"] > portal.now
        async with app.get("/booking", headers={"Talon-Pass": admitted["pass"]}) as answer:
            assert answer.status == 200
        async with app.get(path) as answer:
            assert (await answer.json())["state"] == "admitted"
    await portal.tick()
    assert portal.room.view is not None
    assert portal.room.view.lanes["regular"].claims == 1


async def test_joining_twice_with_one_ticket_is_one_place(portal: Portal) -> None:
    """An app that repeats its POST with the ticket in the header keeps its place."""
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.post("/_talon/tickets") as answer:
            first = await answer.json()
        async with app.post("/_talon/tickets", headers={"Talon-Ticket": first["ticket"]}) as answer:
            assert (answer.status, (await answer.json())["ticket"]) == (200, first["ticket"])


async def test_who_leaves_frees_the_place(portal: Portal) -> None:
    """DELETE gives the place up once; those behind move on."""
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        tickets = []
        for _ in range(2):
            async with app.post("/_talon/tickets") as answer:
                tickets.append((await answer.json())["ticket"])
        for expected in (204, 410):
            async with app.delete(f"/_talon/tickets/{tickets[0]}") as answer:
                assert answer.status == expected
        await portal.tick(1)
        assert portal.room.view is not None
        assert portal.room.view.waiting == 1
        portal.store.gone = True
        async with app.delete(f"/_talon/tickets/{tickets[1]}") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "3")


async def test_a_ticket_of_a_lane_that_is_gone_is_no_error(portal: Portal, visitor: Come) -> None:
    """Looking at a place in a lane that is no longer configured gives a place in the default lane."""
    await portal.close()
    epoch = portal.room.view.epoch if portal.room.view else ""
    old = Ticket(room=ROOM, epoch=epoch, lane="vip", number=3, joined_at=0)
    token = portal.site.tokens.ticket_cookie(old).partition("=")[2].partition(";")[0]
    status, body, _ = await look(visitor(portal), f"/_talon/tickets/{token}")
    assert (status, body["lane"], body["number"]) == (200, "regular", 1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_talon/tickets/forged", 404),
        ("DELETE", "/_talon/tickets/t1.k1.abc.def", 404),
        ("PUT", "/_talon/tickets/x", 405),
        ("GET", "/_talon/tickets", 405),
        ("POST", "/_talon/rooms/booking", 405),
        ("GET", "/_talon/rooms/nowhere", 404),
        ("GET", "/_talon/", 404),
        ("GET", "/_talon/rooms/booking/more", 404),
        ("GET", "/_talon/../booking", 404),
    ],
)
async def test_what_is_not_there_is_said_in_problem_form(
    portal: Portal, visitor: Come, method: str, path: str, status: int
) -> None:
    """Unknown addresses, tickets and methods are answered as problem documents and never reach the backend."""
    async with visitor(portal).request(method, path) as answer:
        if ".." not in path:
            body = await answer.json(content_type="application/problem+json")
            assert (answer.status, body["status"]) == (status, status)
    if ".." not in path:
        assert portal.upstream.asked == []


async def test_another_proxy_may_ask_who_goes_in(portal: Portal, visitor: Come) -> None:
    """`authorize` is 204 for a pass, for express and for what needs no room, else 401 with `Retry-After`."""
    me = visitor(portal)
    status, body, headers = await look(me, "/_talon/authorize", X_Original_URI="/booking/slots?x=1")
    assert (status, body["code"], headers["Retry-After"]) == (401, "no_pass", "1")
    for uri in ("/about", "/booking/style.css"):
        async with me.get("/_talon/authorize", headers={"X-Original-URI": uri}) as answer:
            assert answer.status == 204
    await (await me.get("/booking")).read()
    for names in (("X-Original-URI", "X-Original-Method"), ("X-Forwarded-Uri", "X-Forwarded-Method")):
        async with me.get("/_talon/authorize", headers=dict(zip(names, ("/booking", "POST"), strict=True))) as answer:
            assert answer.status == 204
            assert answer.headers["Talon-Visit-Id"].endswith(".regular.1")


@pytest.mark.parametrize("uri", ["/BOOKING", "//booking", "/%62ooking#x.css", "http://h/booking", "/booking;x.css"])
async def test_forward_auth_is_not_fooled_by_spelling(portal: Portal, visitor: Come, uri: str) -> None:
    """The path that another proxy hands over is read as the gate reads it."""
    status, _, _ = await look(visitor(portal), "/_talon/authorize", X_Original_URI=uri)
    assert status == 401


async def test_the_status_page_is_there_for_all_also_without_the_store(portal: Portal, visitor: Come) -> None:
    """HTML for browsers, JSON for others, both true: open, queueing, and the store gone."""
    me = visitor(portal)
    status, body, _ = await look(me, "/_talon/status")
    assert (status, body["store_up"], body["rooms"][0]["state"]) == (200, True, "open")
    await portal.close()
    await (await me.get("/booking")).read()
    await portal.tick(1)
    _, body, _ = await look(me, "/_talon/status")
    assert (body["rooms"][0]["state"], body["rooms"][0]["waiting"]) == ("queueing", 1)
    portal.store.gone = True
    await portal.tick(1)
    _, body, _ = await look(me, "/_talon/status")
    assert (body["store_up"], body["rooms"][0]["state"]) == (False, "store_down")
    async with me.get("/_talon/status", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert "Content-Security-Policy" in answer.headers


async def test_a_choice_of_language_is_kept_and_leads_back(portal: Portal, visitor: Come) -> None:
    """The page's form sets the language cookie and goes back to this very site, nowhere else."""
    await portal.close()
    me = visitor(portal)
    for back, location in (("/booking?day=1", "/booking?day=1"), ("//evil.example", "/")):
        async with me.get(
            "/_talon/preferences", params={"language": "ru", "back": back}, allow_redirects=False
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, location)
    async with me.get("/booking", headers=BROWSER) as answer:
        assert '<html lang="ru"' in await answer.text()

"""A room that lets nobody in: closed by the operator, or out of slots by the operator's or the backend's word."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from gateway.core.identity_policy import IdentityPolicy
from gateway.core.joins import JoinPolicy
from gateway.core.supply import HOLD
from gateway.web.moments import SLOTS_HEADER
from gateway.web.pages.views import RoomState
from tests.gateway.web.conftest import ROOM, Portal

Visit = Callable[[Portal], aiohttp.ClientSession]
HTML = {"Accept": "text/html"}
STOPS = [("close", "closed", "closed"), ("exhausted", "exhausted", "slots_exhausted")]


async def control(portal: Portal, action: str, **members: object) -> tuple[int, dict[str, Any]]:
    body = {"action": action, "author": "Ann", "reason": "no doctors", "ttl": "10m", **members}
    async with aiohttp.ClientSession(portal.operators) as operator:
        answer = await operator.post(f"/api/rooms/{ROOM}", json=body)
        said = await answer.json(content_type=None)
    await portal.tick(1)
    return answer.status, said


async def seen(portal: Portal) -> dict[str, Any]:
    """The room as the admin API shows it."""
    async with aiohttp.ClientSession(portal.operators) as operator:
        answer = await operator.get("/api/rooms")
        room: dict[str, Any] = (await answer.json())["rooms"][0]
        return room


@pytest.mark.parametrize(("action", "code", "state"), STOPS)
async def test_a_stopped_room_says_which_stop_it_is(
    portal: Portal, visitor: Visit, action: str, code: str, state: str
) -> None:
    """Pages, problem documents, the shared document, the status page and operators name the same stop."""
    assert (await control(portal, action))[0] == 200
    person, app = visitor(portal), visitor(portal)
    async with app.get("/booking") as answer:
        problem = await answer.json(content_type=None)
        assert (answer.status, problem["code"], problem["eta_seconds_high"]) == (503, code, None)
        assert problem["ticket"]
    async with person.get("/booking", headers=HTML) as page:
        assert (page.status, "Places in the queue" in await page.text()) == (202, False)
    async with person.get(f"/_talon/rooms/{ROOM}") as shared:
        assert (await shared.json())["state"] == state
    async with person.get("/_talon/status") as public:
        assert (await public.json())["rooms"][0]["state"] == state
    room = await seen(portal)
    assert (room["state"], room["reason"], room["admission_rate"]) == (state, code, 0.0)
    assert (room["paused_by"]["action"], room["paused_by"]["author"]) == (action, "Ann")


@pytest.mark.parametrize(
    ("action", "members", "expected"),
    [
        ("close", {"until": "23:59"}, "<h1 id=h>Booking is closed until 23:59 UTC</h1>"),
        ("close", {}, "<h1 id=h>Booking is closed now</h1>"),
        ("exhausted", {"until": "23:59"}, "New ones appear at 23:59 UTC."),
        ("exhausted", {}, "There are no free appointments left"),
        ("pause", {}, "even if you close this page."),
    ],
)
async def test_the_page_names_the_time_that_is_known(
    portal: Portal, visitor: Visit, action: str, members: dict[str, str], expected: str
) -> None:
    """The operator's `until` is shown as local time with its zone; without it no time is made up."""
    assert (await control(portal, action, **members))[0] == 200
    async with visitor(portal).get("/booking", headers=HTML) as page:
        assert expected in await page.text()


@pytest.mark.parametrize(("action", "code", "_state"), STOPS)
async def test_places_are_kept_and_go_on_in_order(
    portal: Portal, visitor: Visit, action: str, code: str, _state: str
) -> None:
    """Whoever waits keeps the number through the stop, nobody is called in it, and all go in when it ends."""
    await control(portal, "pause")
    people = [visitor(portal) for _ in range(3)]
    numbers = [(await (await one.get("/booking")).json(content_type=None))["number"] for one in people]
    await control(portal, action)
    await portal.tick(20)
    for one, number in zip(people, numbers, strict=True):
        async with one.get("/booking") as answer:
            waiting = await answer.json(content_type=None)
            assert (answer.status, waiting["code"], waiting["number"]) == (503, code, number)
    await control(portal, "resume")
    await portal.open()
    for one in people:
        async with one.get("/booking") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(("action", "_code", "_state"), STOPS)
async def test_who_was_let_in_is_never_sent_back(
    portal: Portal, visitor: Visit, action: str, _code: str, _state: str
) -> None:
    """A visit with a pass goes on through a room that is closed or has nothing left to give."""
    person = visitor(portal)
    assert (await person.get("/booking", headers=HTML)).status == 200
    await control(portal, action)
    for step in range(5):
        await portal.tick(5)
        async with person.get(f"/booking/{step}", headers=HTML) as answer:
            assert answer.status == 200


async def test_without_a_ttl_a_stop_ends_when_visitors_were_told(portal: Portal) -> None:
    """`until` alone is enough; both may be given, and the later questions are asked of the ttl."""
    status, said = await control(portal, "close", until="23:59", ttl=None)
    assert status == 422
    body = {"action": "close", "author": "Ann", "reason": "night", "until": "23:59"}
    async with aiohttp.ClientSession(portal.operators) as operator:
        answer = await operator.post(f"/api/rooms/{ROOM}", json=body)
        said = await answer.json(content_type=None)
    assert answer.status == 200
    assert said["control"]["until"] == said["control"]["back_at"]


@pytest.mark.parametrize(
    "members",
    [
        {"until": "soon"},
        {"until": "1970-01-02T00:00:00Z"},
        {"until": "2101-01-01T00:00:00"},
        {"until": 5},
        {"action": "rate", "rate": 1, "until": "23:59"},
        {"action": "resume", "until": "23:59"},
        {"author": ""},
        {"ttl": "2d"},
        {"action": "shut"},
    ],
)
async def test_a_stop_that_cannot_be_used_is_refused(portal: Portal, members: dict[str, Any]) -> None:
    """A time that is none or is past, nobody who answers for it, no end: 422 with a sentence, and nothing changes."""
    status, said = await control(portal, **{"action": "close", **members})
    assert (status, said["code"]) == (422, "invalid")
    assert (await seen(portal))["paused_by"] is None


async def test_the_backend_says_that_no_slots_are_left(portal: Portal, visitor: Visit) -> None:
    """One answer is enough: within seconds the queue says so; the field itself reaches no visitor; `some` ends it."""
    inside, outside = visitor(portal), visitor(portal)
    portal.upstream.says = {SLOTS_HEADER: "none; until=23:59"}
    async with inside.get("/booking") as answer:
        assert (answer.status, SLOTS_HEADER in answer.headers) == (200, False)
    await portal.tick(2)
    async with outside.get("/booking", headers=HTML) as page:
        assert "New ones appear at 23:59 UTC." in await page.text()
    room = await seen(portal)
    assert (room["state"], room["paused_by"]["author"]) == ("slots_exhausted", "backend")
    portal.upstream.says = {SLOTS_HEADER: "some"}
    async with inside.get("/booking") as answer:
        assert (answer.status, SLOTS_HEADER in answer.headers) == (200, False)
    await portal.tick(3)
    assert (await seen(portal))["state"] != "slots_exhausted"
    await portal.open()
    async with outside.get("/booking") as answer:
        assert answer.status == 200


async def test_the_backends_word_ends_by_itself(portal: Portal, visitor: Visit) -> None:
    """Nobody is inside to say that there are slots again, so after a while the next visit is let in to find out."""
    portal.upstream.says = {SLOTS_HEADER: "none"}
    assert (await visitor(portal).get("/booking")).status == 200
    await portal.tick(2)
    assert (await seen(portal))["state"] == "slots_exhausted"
    portal.upstream.says = {}
    await portal.tick(HOLD)
    assert (await seen(portal))["paused_by"] is None


async def test_the_backends_word_never_replaces_the_operators(portal: Portal, visitor: Visit) -> None:
    """While an operator's setting rules, neither `none` nor `some` changes it."""
    inside = visitor(portal)
    assert (await inside.get("/booking")).status == 200
    await control(portal, "pause")
    for word in ("none", "some"):
        portal.upstream.says = {SLOTS_HEADER: word}
        assert (await inside.get("/booking")).status == 200
        await portal.tick(2)
        assert (await seen(portal))["paused_by"]["action"] == "pause"


async def test_a_visitor_cannot_say_it(portal: Portal, visitor: Visit) -> None:
    """The field counts in answers of the backend only."""
    for method in ("GET", "POST"):
        async with visitor(portal).request(method, "/booking", headers={SLOTS_HEADER: "none"}) as answer:
            assert answer.status == 200
    await portal.tick(2)
    assert (await seen(portal))["paused_by"] is None


async def test_changes_are_audited(portal: Portal) -> None:
    """A closed room stands in the audit file with who, why, and what visitors were told."""
    await control(portal, "close", until="23:59")
    entry = json.loads((portal.folder / "audit.jsonl").read_text().splitlines()[-1])
    assert (entry["action"], entry["author"], entry["automatic"]) == ("close", "Ann", False)
    assert entry["back_at"] > portal.now


@pytest.mark.parametrize("joins", [JoinPolicy(second_contact=False), JoinPolicy()], ids=["waiting", "first contact"])
async def test_other_ways_are_those_of_the_visitors_region(
    start: Callable[..., Any], visitor: Visit, joins: JoinPolicy
) -> None:
    """A region with a list of its own is shown that one, every other region, and who has none, the default."""
    portal = await start(
        alternatives=(("122", "daily"),),
        alternatives_by_region={"amur": (("Zeya line", "daily"),)},
        identity=IdentityPolicy(region_header="X-Region"),
        joins=joins,
    )
    await control(portal, "pause")
    for said, shown, other in (("amur", "Zeya line", "122"), ("perm", "122", "Zeya line"), ("", "122", "Zeya line")):
        fields = HTML | ({"X-Region": said} if said else {})
        async with visitor(portal).get("/booking", headers=fields) as answer:
            page = await answer.text()
        assert (shown in page, f">{other}<" in page) == (True, False), (said, page)


def test_every_stop_has_its_public_state() -> None:
    """The shared document tells each stop by a name of its own."""
    assert {state for _, _, state in STOPS} <= {state.value for state in RoomState}

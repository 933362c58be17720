"""Place codes: a place moves to another device, and a code neither steals a pass nor is found by trying."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from gateway.core import ticket
from gateway.core.keyring import parse_keyring
from gateway.core.place_code import ALPHABET
from gateway.web.tokens import Tokens
from tests.gateway.web.conftest import KEYS, ROOM
from tests.security.conftest import Answer, Entrance

Start = Callable[..., Any]
PLACES = "/_talon/places"
PEER = "127.0.0.1"


async def move(entrance: Entrance, code: str, *fields: str, form: bool = False, **members: str) -> Answer:
    """Enter a code on another device."""
    if form:
        body = "&".join(f"{name}={quote(value)}" for name, value in {"code": code, **members}.items())
        kind = "Content-Type: application/x-www-form-urlencoded"
    else:
        body, kind = json.dumps({"code": code, **members}), "Content-Type: application/json"
    return await entrance.ask(PLACES, kind, *fields, method="POST", body=body.encode())


async def place(entrance: Entrance) -> dict[str, Any]:
    """Take a place and return what the answer says of it."""
    found: dict[str, Any] = json.loads((await entrance.ask("/booking")).body)
    await entrance.tick(0.1)
    return found


async def test_a_place_moves_to_another_device(full: Entrance) -> None:
    """The other device gets a ticket of the very same place, and its turn is the place's turn."""
    await place(full)
    mine = await place(full)
    answer = await move(full, mine["place_code"].lower().replace("-", " "))
    moved = json.loads(answer.body)
    assert (answer.status, moved["number"], moved["ahead"]) == (200, mine["number"], mine["ahead"])
    there = ticket.decode(answer.cookie("talon_ticket"), KEYS)
    assert there.visit == ticket.decode(mine["ticket"], KEYS).visit
    assert there.joined_at == pytest.approx(full.now, abs=5)
    await full.open()
    assert (await full.ask("/booking", f"Cookie: talon_ticket={answer.cookie('talon_ticket')}")).status == 200


async def test_a_form_is_sent_on_to_the_room(full: Entrance) -> None:
    """A browser without scripts enters the code in a form and comes to the room with the ticket in a cookie."""
    mine = await place(full)
    answer = await move(full, mine["place_code"], form=True, room=ROOM, back="//evil.example")
    assert (answer.status, answer.all("Location")) == (303, ["/booking"])
    assert ticket.decode(answer.cookie("talon_ticket"), KEYS).number == mine["number"]


async def test_a_code_never_steals_a_pass(full: Entrance) -> None:
    """A place that was claimed, left or missed for good is gone: 410, and no cookie."""
    claimed, left, waits = await place(full), await place(full), await place(full)
    await full.ask(f"/_talon/tickets/{left['ticket']}", method="DELETE")
    await full.open()
    assert (await full.ask("/booking", f"Talon-Ticket: {claimed['ticket']}")).status == 200
    for gone in (claimed, left):
        answer = await move(full, gone["place_code"])
        assert (answer.status, answer.all("Set-Cookie")) == (410, [])
    assert (await move(full, waits["place_code"])).status == 200


async def test_looking_a_code_up_changes_nothing(full: Entrance) -> None:
    """Trying a code neither claims the place nor shows presence, also when its turn has come."""
    mine = await place(full)
    await full.tick(2)
    assert (await move(full, mine["place_code"])).status == 200
    assert full.room.heartbeats == {}
    assert full.room.view is not None
    claims = full.room.view.lanes["regular"].claims
    await full.open()
    assert (await move(full, mine["place_code"])).status == 200
    await full.tick(1)
    assert full.room.view.lanes["regular"].claims == claims


async def test_codes_are_not_found_by_trying(full: Entrance) -> None:
    """Ten tries a minute for each address, loopback too; then 429 with a time, also for a code that is right."""
    mine = await place(full)
    wrong = [f"{letter * 4}-{letter * 4}" for letter in ALPHABET[:12]]
    answers = [await move(full, code) for code in wrong]
    assert [answer.status for answer in answers] == [410] * 10 + [429] * 2
    refused = await move(full, mine["place_code"])
    assert (refused.status, json.loads(refused.body)["code"]) == (429, "limited")
    full.now += 60
    assert (await move(full, mine["place_code"])).status == 200


async def test_tries_count_for_the_visitor_behind_a_proxy(start: Start) -> None:
    """A trusted proxy's visitors have a budget each; those of one /48 share one as well."""
    entrance: Entrance = await start(trusted=(PEER,))
    await entrance.close()
    for _ in range(10):
        assert (await move(entrance, "0000-0000", "X-Forwarded-For: 203.0.113.7")).status == 410
    assert (await move(entrance, "0000-0000", "X-Forwarded-For: 203.0.113.7")).status == 429
    assert (await move(entrance, "0000-0000", "X-Forwarded-For: 203.0.113.8")).status == 410
    statuses = [(await move(entrance, "0", f"X-Forwarded-For: 2001:db8:1:{n}::1")).status for n in range(12)]
    assert statuses == [410] * 10 + [429] * 2


@pytest.mark.parametrize("site", ["cross-site", "anything"])
async def test_another_site_cannot_exchange_a_visitors_place(full: Entrance, site: str) -> None:
    """A form that another site lets a visitor's browser send is refused before anything happens."""
    mine = await place(full)
    answer = await move(full, mine["place_code"], f"Sec-Fetch-Site: {site}", form=True)
    assert (answer.status, answer.all("Set-Cookie")) == (403, [])
    assert (await move(full, mine["place_code"], "Sec-Fetch-Site: same-origin", form=True)).status == 303


async def test_codes_outlive_a_rotation_of_keys(full: Entrance) -> None:
    """A code that was read out before the rotation works while its key is in the file."""
    mine = await place(full)
    old, new = "k1:" + "00" * 32, "n1:" + "ab" * 32
    full.site.tokens = Tokens(parse_keyring(f"{new}\n{old}"))
    again = json.loads((await full.ask("/booking", f"Talon-Ticket: {mine['ticket']}")).body)
    assert again["place_code"] != mine["place_code"]
    for code in (mine["place_code"], again["place_code"]):
        assert json.loads((await move(full, code)).body)["number"] == mine["number"]
    full.site.tokens = Tokens(parse_keyring(new))
    assert (await move(full, mine["place_code"])).status == 410


async def test_without_the_store_no_code_is_judged(full: Entrance) -> None:
    """With the store gone the answer is 503: neither handed over unseen nor called wrong."""
    mine = await place(full)
    full.store.gone = True
    assert (await move(full, mine["place_code"])).status == 503


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"code": 7}', "application/json", 422),
        (b'{"code": "0000-0000", "room": "nowhere"}', "application/json", 422),
        (b"", "application/json", 422),
        (b"code=%ff", "application/x-www-form-urlencoded", 410),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=b" for _ in range(100)), "application/x-www-form-urlencoded", 400),
        (b"x" * 20_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_code_is_refused(full: Entrance, body: bytes, kind: str, status: int) -> None:
    """Bodies that cannot be read, name no room or are too large are 4xx and hand nothing over."""
    answer = await full.ask(PLACES, f"Content-Type: {kind}", method="POST", body=body)
    assert (answer.status, answer.all("Set-Cookie")) == (status, [])

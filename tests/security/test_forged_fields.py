"""What a visitor writes into header fields: forwarding, internal fields, another path, a better lane."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.security.conftest import Entrance

Start = Callable[..., Any]
PEER = "127.0.0.1"

FORGED = [
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Uri",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Request-Id",
]
INTERNAL = ["Talon-Visit", "Talon-Visit-Id", "Talon-Pass", "Talon-Ticket", "Talon-Lane"]


def spellings(name: str) -> list[str]:
    """A name as backends may confuse it: many read `_` as `-`, all ignore case."""
    return [name, name.upper(), name.replace("-", "_")]


async def test_a_strangers_forwarding_fields_do_not_reach_the_backend(full: Entrance) -> None:
    """Neither the visitor's address nor the path can be forged, in any spelling of the field's name."""
    for name in FORGED:
        answer = await full.ask("/about", *[f"{spelled}: /forged" for spelled in spellings(name)])
        assert (answer.status, b"forged" in full.backend.asked[-1]) == (200, False), name
        assert full.backend.fields_of("X-Forwarded-For") == [PEER]
        assert full.backend.fields_of("X-Forwarded-Proto") == ["http"]


@pytest.mark.parametrize("trusted", [(), (PEER,)], ids=["stranger", "trusted"])
async def test_nobody_brings_the_gateways_own_fields(start: Start, trusted: tuple[str, ...]) -> None:
    """`Talon-*` fields never reach the backend, not even from a trusted proxy."""
    entrance = await start(trusted=trusted)
    await entrance.close()
    for name in INTERNAL:
        answer = await entrance.ask("/about", *[f"{spelled}: forged" for spelled in spellings(name)])
        assert (answer.status, b"forged" in entrance.backend.asked[-1]) == (200, False), name


async def test_a_trusted_proxys_fields_are_continued(start: Start) -> None:
    """What a trusted proxy says of the visitor reaches the backend, with the proxy's own address added."""
    entrance = await start(trusted=(PEER,))
    said = (
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: portal",
        "X-Real-IP: 203.0.113.7",
    )
    assert (await entrance.ask("/about", *said)).status == 200
    assert entrance.backend.fields_of("X-Forwarded-For") == [f"203.0.113.7, {PEER}"]
    for name, value in (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "portal"), ("X-Real-IP", "203.0.113.7")):
        assert entrance.backend.fields_of(name) == [value]


async def test_connection_cannot_name_the_gateways_fields_away(full: Entrance) -> None:
    """A visitor who lists fields in `Connection` does not take away what the backend relies on."""
    named = "Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Request-Id, Via, Host, Cookie"
    assert (await full.ask("/about", named, "Cookie: session=s")).status == 200
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Via", "Host", "Cookie"):
        assert len(full.backend.fields_of(name)) == 1, name


async def test_the_backend_never_sees_tokens(free: Entrance) -> None:
    """The gateway's cookies are taken out however they are written; other cookies stay."""
    admission = await free.admitted()
    cookies = f"Cookie: a=1; talon_pass={admission}; talon_ticket =x;talon_auto=on; b=2"
    assert (await free.ask("/booking", cookies, f"Talon-Pass: {admission}")).status == 200
    assert free.backend.fields_of("Cookie") == ["a=1; b=2"]
    assert admission.encode() not in free.backend.asked[0]


@pytest.mark.parametrize(
    "fields",
    [
        ("X-Lane: urgent",),
        ("X-Lane: urgent", "X-Forwarded-For: 10.0.0.1"),
        ("X-Lane: urgent", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1"),
        ("Talon-Lane: urgent",),
        ("Cookie: lane=urgent; talon_lane=urgent; X-Lane=urgent",),
    ],
)
async def test_a_stranger_cannot_choose_a_lane(start: Start, fields: tuple[str, ...]) -> None:
    """The lane field counts by the address of the connection, never by what the request says of itself."""
    entrance = await start(trusted=("10.0.0.1",))
    await entrance.close()
    for target in ("/booking", "/booking?lane=urgent&X-Lane=urgent"):
        assert json.loads((await entrance.ask(target, *fields)).body)["lane"] == "regular"


async def test_the_ticket_api_gives_no_lane_on_request(full: Entrance) -> None:
    """A lane in the body, the query or a field of a join is not listened to."""
    body = json.dumps({"room": "booking", "lane": "urgent", "lanes": ["urgent"], "number": 1, "priority": 9}).encode()
    for target in ("/_talon/tickets", "/_talon/tickets?lane=urgent"):
        answer = await full.ask(target, "X-Lane: urgent", "Content-Type: application/json", method="POST", body=body)
        assert (answer.status, json.loads(answer.body)["lane"]) == (201, "regular")


@pytest.mark.parametrize(
    ("fields", "lane"),
    [
        (("X-Lane: urgent",), "urgent"),
        (("X-Lane: urgent", "X-Lane: regular"), "regular"),
        (("X-Lane: urgent", "X-Lane: urgent"), "regular"),
        (("X-Lane: URGENT",), "regular"),
        (("X-Lane: urgent, regular",), "regular"),
        (("X_Lane: urgent",), "regular"),
        (("X-Lane: staff",), "regular"),
    ],
)
async def test_a_trusted_proxys_lane_must_be_clear(start: Start, fields: tuple[str, ...], lane: str) -> None:
    """A proxy that adds its field beside the visitor's leaves two of them: then neither gives a lane."""
    entrance = await start(trusted=(PEER,))
    await entrance.close()
    assert json.loads((await entrance.ask("/booking", *fields)).body)["lane"] == lane


async def test_a_ticket_cannot_be_moved_to_another_lane(full: Entrance) -> None:
    """Who holds a place keeps its lane, whatever the later requests say."""
    ticket = await full.waiting()
    answer = await full.ask("/booking", f"Talon-Ticket: {ticket}", "X-Lane: urgent")
    assert (json.loads(answer.body)["lane"], json.loads(answer.body)["ticket"]) == ("regular", ticket)

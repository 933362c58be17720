"""Taking places by the thousand: budgets by address and network, and what may be asked how often."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.joins import JoinPolicy
from tests.gateway.web.conftest import ROOM
from tests.security.conftest import Answer, Entrance

Start = Callable[..., Any]
PEER = "127.0.0.1"
BROWSER = "Accept: text/html"
FEW = JoinPolicy(per_address=60, burst=3, per_network=6)


def from_address(address: str) -> str:
    """The field by which the trusted proxy in front names the visitor."""
    return f"X-Forwarded-For: {address}"


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["code"]


async def issued(entrance: Entrance) -> int:
    """How many numbers the store has handed out so far."""
    await entrance.tick(0.1)
    assert entrance.room.view is not None
    return sum(lane.issued for lane in entrance.room.view.lanes.values())


@pytest.fixture
async def few(start: Start) -> Entrance:
    """A full room where three places at once may be taken from one address, behind a trusted proxy."""
    entrance: Entrance = await start(trusted=(PEER,), joins=FEW)
    await entrance.close()
    return entrance


async def test_one_address_gets_so_many_places_and_no_more(few: Entrance) -> None:
    """Beyond the budget new places are refused with 429 and a time; no number is used up, and others go on."""
    before = await issued(few)
    answers = [await few.ask("/booking", from_address("203.0.113.7")) for _ in range(10)]
    assert [answer.status for answer in answers] == [503] * 3 + [429] * 7
    assert code_of(answers[-1]) == (429, "limited")
    wait = int(answers[-1].all("Retry-After")[0])
    assert answers[-1].all("Set-Cookie") == []
    assert await issued(few) == before + 3
    assert (await few.ask("/booking", from_address("203.0.113.8"))).status == 503
    few.now += wait
    assert (await few.ask("/booking", from_address("203.0.113.7"))).status == 503


async def test_who_holds_a_place_is_not_held_by_the_budget(few: Entrance) -> None:
    """Polls of a place, the shared document and the turn itself go on where new places are refused."""
    address = from_address("203.0.113.7")
    held = json.loads((await few.ask("/booking", address)).body)["ticket"]
    while (await few.ask("/booking", address)).status != 429:
        pass
    for _ in range(20):
        assert (await few.ask("/booking", address, f"Talon-Ticket: {held}")).status == 503
    assert (await few.ask(f"/_talon/rooms/{ROOM}", address)).status == 200
    await few.open()
    assert (await few.ask("/booking", address, f"Talon-Ticket: {held}")).status == 200


async def test_the_ticket_api_shares_the_budget(few: Entrance) -> None:
    """Joins of apps and of requests count together."""
    address = from_address("203.0.113.7")
    statuses = [(await few.ask("/_talon/tickets", address, method="POST")).status for _ in range(2)]
    statuses += [(await few.ask("/booking", address)).status for _ in range(2)]
    refused = await few.ask("/_talon/tickets", address, method="POST")
    assert (statuses, code_of(refused)) == ([201, 201, 503, 429], (429, "limited"))
    assert refused.all("Retry-After")


async def test_a_browser_is_told_in_words(few: Entrance) -> None:
    """The page says why and when to try again, with status 429 and kept by no cache."""
    address = from_address("203.0.113.7")
    answers = [await few.ask("/booking", BROWSER, address) for _ in range(4)]
    assert [answer.status for answer in answers] == [202, 202, 202, 429]
    assert "Too many requests from your device" in answers[-1].body.decode()
    assert answers[-1].all("Cache-Control") == ["no-store"]


async def test_cycling_through_the_networks_of_a_site_gains_little(few: Entrance) -> None:
    """Each /64 has its budget, and all within one /48 share a wider one; the next /48 has its own."""
    statuses = [(await few.ask("/booking", from_address(f"2001:db8:1:{n:x}::1"))).status for n in range(20)]
    assert statuses == [503] * 6 + [429] * 14
    statuses = [(await few.ask("/booking", from_address(f"2001:db8:2:1::{n:x}"))).status for n in range(1, 6)]
    assert statuses == [503] * 3 + [429] * 2


async def test_what_a_visitor_writes_of_its_address_changes_nothing(few: Entrance) -> None:
    """Forged hops before the proxy's own, other fields of forwarding and other spellings share one budget."""
    forged = [
        ("X-Forwarded-For: 6.6.6.6, 203.0.113.7",),
        ("X-Forwarded-For: 7.7.7.7", "X-Forwarded-For: 203.0.113.7"),
        ("X-Forwarded-For: ::ffff:203.0.113.7", "Forwarded: for=8.8.8.8"),
        ("X-Forwarded-For: garbage, 203.0.113.7:1234", "X-Real-IP: 9.9.9.9"),
    ]
    assert [(await few.ask("/booking", *fields)).status for fields in forged] == [503, 503, 503, 429]


@pytest.mark.parametrize("trusted", [(), (PEER,), ("127.0.0.0/8",)], ids=["loopback", "proxy", "network"])
async def test_the_machine_itself_and_silent_proxies_are_exempt(start: Start, trusted: tuple[str, ...]) -> None:
    """Requests of the machine, and of a proxy that does not say for whom it asks, are not one visitor's."""
    entrance: Entrance = await start(trusted=trusted, joins=FEW)
    await entrance.close()
    assert {(await entrance.ask("/booking")).status for _ in range(10)} == {503}
    assert {(await entrance.ask("/booking", "X-Forwarded-For: unknown")).status for _ in range(10)} == {503}


async def test_addresses_are_written_nowhere(few: Entrance) -> None:
    """Neither log nor metrics nor the memory of the budgets holds an address; the decision is there."""
    for _ in range(5):
        await few.ask("/booking", from_address("203.0.113.7"))
    lines = few.log_lines()
    assert lines[-1]["reason"] == "limited"
    assert lines[-1]["decision"] == "wait"
    metrics = few.site.metrics.render().decode()
    assert f'talon_requests_total{{class="visit",decision="limited",room="{ROOM}"}} 2.0' in metrics
    assert "203.0.113" not in json.dumps(lines) + metrics


async def test_asking_after_a_place_too_often_never_touches_it(start: Start) -> None:
    """Beyond the budget of polls the answer is 429 with the ticket in it, and the place is as it was."""
    entrance: Entrance = await start(trusted=(PEER,), joins=JoinPolicy(polls=20))
    await entrance.close()
    address = from_address("203.0.113.7")
    first = json.loads((await entrance.ask("/booking", address)).body)
    answers = [await entrance.ask("/booking", address, f"Talon-Ticket: {first['ticket']}") for _ in range(8)]
    assert [answer.status for answer in answers] == [503] * 5 + [429] * 3
    refused = json.loads(answers[-1].body)
    assert (refused["code"], refused["ticket"], refused["ahead"]) == ("limited", first["ticket"], first["ahead"])
    assert (await entrance.ask(f"/_talon/tickets/{first['ticket']}", address)).status == 429
    entrance.now += refused["retry_after"]
    assert (await entrance.ask("/booking", address, f"Talon-Ticket: {first['ticket']}")).status == 503

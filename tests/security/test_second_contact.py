"""A place on the second contact only: slips, their replay, and the proof of work."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core import entry_slip
from gateway.core.entry_slip import Slip, is_proven
from gateway.core.joins import LONGEST, UNPROVEN_AGE, JoinPolicy
from tests.gateway.web.conftest import KEYS, ROOM
from tests.security.conftest import Entrance
from tests.security.test_farming import PEER, code_of, from_address, issued

Start = Callable[..., Any]
TWICE = JoinPolicy(second_contact=True)
WORK = JoinPolicy(per_address=60, burst=25, second_contact=True, proof_of_work=10)


def guide() -> Callable[[str, int], str]:
    """The function that the guide gives to apps."""
    names: dict[str, Any] = {}
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "keep-ticket-farmers-out.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(code, names)
    found: Callable[[str, int], str] = names["proof"]
    return found


proof = guide()


@pytest.fixture
async def twice(start: Start) -> Entrance:
    """A full room that gives places on the second contact only."""
    entrance: Entrance = await start(joins=TWICE)
    await entrance.close()
    return entrance


async def test_a_place_is_given_on_the_second_contact(twice: Entrance) -> None:
    """The first contact gets a slip and costs the store nothing; who comes back with it a moment later gets a place."""
    before = await issued(twice)
    first = await twice.ask("/booking")
    slip = first.cookie("talon_ticket")
    assert code_of(first) == (503, "entry")
    assert json.loads(first.body)["ticket"] == slip
    assert first.all("Retry-After")[0] in ("1", "2")
    assert await issued(twice) == before
    await twice.tick(1)
    second = await twice.ask("/booking", f"Cookie: talon_ticket={slip}")
    assert code_of(second) == (503, "queue")
    assert second.cookie("talon_ticket") not in ("", slip)
    assert await issued(twice) == before + 1


async def test_without_the_slip_nobody_gets_a_place(twice: Entrance) -> None:
    """A client that keeps nothing gets slips for ever, and no place."""
    before = await issued(twice)
    for _ in range(10):
        assert code_of(await twice.ask("/booking")) == (503, "entry")
        await twice.tick(1)
    assert await issued(twice) == before


async def test_a_slip_buys_one_place(twice: Entrance) -> None:
    """Twenty requests at once with one slip, as of tabs, take one place, and whoever shows it again gets that place."""
    before = await issued(twice)
    slip = (await twice.ask("/booking")).cookie("talon_ticket")
    await twice.tick(1)
    answers = await asyncio.gather(*[twice.ask("/booking", f"Talon-Ticket: {slip}") for _ in range(20)])
    answers.append(await twice.ask("/_talon/tickets", f"Cookie: talon_ticket={slip}", method="POST"))
    assert {answer.cookie("talon_ticket")[:3] for answer in answers} == {"t1."}
    assert len({json.loads(answer.body)["number"] for answer in answers}) == 1
    assert await issued(twice) == before + 1
    await twice.open()
    answer = await twice.ask("/booking", f"Talon-Ticket: {slip}")
    assert (answer.status, answer.cookie("talon_pass") != "") == (200, True)


async def test_a_slip_is_not_lost_with_a_place_that_could_not_be_given(start: Start) -> None:
    """When the room is full or the store gone just then, the same slip buys a place afterwards."""
    entrance: Entrance = await start(joins=TWICE, max_waiting=1)
    await entrance.close()
    first, second = [(await entrance.ask("/booking")).cookie("talon_ticket") for _ in range(2)]
    await entrance.tick(1)
    held = (await entrance.ask("/booking", f"Talon-Ticket: {first}")).cookie("talon_ticket")
    assert code_of(await entrance.ask("/booking", f"Talon-Ticket: {second}")) == (503, "full")
    await entrance.ask(f"/_talon/tickets/{held}", method="DELETE")
    entrance.store.gone = True
    assert code_of(await entrance.ask("/booking", f"Talon-Ticket: {second}")) == (503, "store_down")
    entrance.store.gone = False
    await entrance.tick(1)
    assert code_of(await entrance.ask("/booking", f"Talon-Ticket: {second}")) == (503, "queue")


async def test_while_a_slip_buys_its_place_no_other_is_handed_out(twice: Entrance) -> None:
    """A tab that asks in the very moment of another's join is told to wait, and its cookie is left alone."""
    slip = (await twice.ask("/booking")).cookie("talon_ticket")
    await twice.tick(1)
    join, going, asked = twice.store.join, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **named: Any) -> Any:
        asked.set()
        await going.wait()
        return await join(*args, **named)

    twice.store.join = slow  # type: ignore[method-assign]
    first = asyncio.create_task(twice.ask("/booking", f"Cookie: talon_ticket={slip}"))
    await asked.wait()
    second = await twice.ask("/booking", f"Cookie: talon_ticket={slip}")
    going.set()
    assert (code_of(second), second.all("Set-Cookie")) == ((503, "entry"), [])
    assert code_of(await first) == (503, "queue")


async def test_a_slip_must_be_ours_ripe_and_of_this_room(twice: Entrance) -> None:
    """Too young the same slip comes back; too old, of the future, of another room or forged, a new one."""
    before = await issued(twice)
    young = (await twice.ask("/booking")).cookie("talon_ticket")
    assert (await twice.ask("/booking", f"Talon-Ticket: {young}")).cookie("talon_ticket") == young
    ripe = Slip(room=ROOM, made_at=twice.now - 10, id="x")
    bad = [
        replace(ripe, made_at=twice.now - LONGEST - 1),
        replace(ripe, made_at=twice.now + 3600),
        replace(ripe, room="laboratory"),
    ]
    tokens = [entry_slip.encode(slip, KEYS) for slip in bad]
    tokens.append(entry_slip.encode(ripe, KEYS)[:-2] + "AA")
    for token in tokens:
        answer = await twice.ask("/booking", f"Talon-Ticket: {token}")
        assert code_of(answer) == (503, "entry")
        assert answer.cookie("talon_ticket") not in ("", token)
    assert await issued(twice) == before


async def test_an_app_brings_the_slip_as_its_ticket(twice: Entrance) -> None:
    """The ticket API asks for a second contact too, in the form that the rule of tickets already covers."""
    first = await twice.ask("/_talon/tickets", method="POST")
    assert code_of(first) == (503, "entry")
    await twice.tick(1)
    slip = json.loads(first.body)["ticket"]
    assert (await twice.ask("/_talon/tickets", f"Talon-Ticket: {slip}", method="POST")).status == 201
    assert (await twice.ask(f"/_talon/tickets/{slip}")).status == 404


async def test_every_method_gets_a_slip_and_none_a_place(twice: Entrance) -> None:
    """No method leads past the second contact."""
    before = await issued(twice)
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"):
        answer = await twice.ask("/booking", method=method)
        assert (answer.status, answer.cookie("talon_ticket")[:3]) == (503, "s1.")
    assert await issued(twice) == before
    assert twice.backend.asked == []


async def test_work_done_opens_at_once_and_costs_one(start: Start) -> None:
    """With the number that the slip asks for, in header or cookie, the second contact gets its place."""
    entrance: Entrance = await start(trusted=(PEER,), joins=WORK)
    await entrance.close()
    address = from_address("203.0.113.7")
    for field in ("Talon-Proof: {}", "Cookie: talon_proof={}"):
        first = json.loads((await entrance.ask("/booking", address)).body)
        assert (first["code"], first["proof_bits"]) == ("entry", 10)
        nonce = proof(first["ticket"], 10)
        await entrance.tick(1)
        shown = f"Talon-Ticket: {first['ticket']}"
        for wrong in ("", "0", nonce + "x", "9" * 60):
            answer = await entrance.ask("/booking", address, shown, field.format(wrong))
            assert code_of(answer) == (503, "entry") or is_proven(first["ticket"], wrong, 10)
        assert code_of(await entrance.ask("/booking", address, shown, field.format(nonce))) == (503, "queue")


async def test_without_the_work_it_takes_longer_and_costs_more(start: Start) -> None:
    """Nobody is locked out: after a while the slip opens alone, at ten times the price, so that crowds gain nothing."""
    entrance: Entrance = await start(trusted=(PEER,), joins=WORK)
    await entrance.close()
    address = from_address("203.0.113.7")
    slips = [(await entrance.ask("/booking", address)).cookie("talon_ticket") for _ in range(4)]
    await entrance.tick(2)
    assert code_of(await entrance.ask("/booking", address, f"Talon-Ticket: {slips[0]}")) == (503, "entry")
    await entrance.tick(UNPROVEN_AGE)
    codes = [code_of(await entrance.ask("/booking", address, f"Talon-Ticket: {slip}")) for slip in slips]
    assert codes == [(503, "queue")] * 2 + [(429, "limited")] * 2

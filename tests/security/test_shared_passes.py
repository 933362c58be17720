"""Passes after their visit has ended, and passes that many use at once."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from gateway.core import passes
from gateway.core.live_room import LiveRoom
from gateway.loops.admit import AdmissionLoop
from gateway.telemetry.metrics import Metrics
from tests.gateway.web.conftest import KEYS, ROOM
from tests.security.conftest import Entrance

Start = Callable[..., Any]


async def ended(entrance: Entrance) -> str:
    """Let a visitor in, let the backend end the visit, and return the pass that an attacker has kept."""
    admission = (await entrance.ask("/booking")).cookie("talon_pass")
    entrance.backend.fields = ("Talon-Visit: end",)
    answer = await entrance.ask("/booking/confirm", f"Talon-Pass: {admission}")
    assert "talon_pass=; Max-Age=0" in answer.all("Set-Cookie")[0]
    entrance.backend.fields = ()
    await entrance.close()
    entrance.backend.asked.clear()
    return admission


async def test_a_pass_of_an_ended_visit_opens_nothing(free: Entrance) -> None:
    """Who keeps the pass after the backend has ended the visit waits like everybody, in whatever place it is shown."""
    kept = await ended(free)
    for field in (f"Talon-Pass: {kept}", f"Cookie: talon_pass={kept}"):
        assert ((await free.ask("/booking", field)).status, free.backend.asked) == (503, [])
    asks = await free.ask("/_talon/authorize", "X-Original-URI: /booking", f"Talon-Pass: {kept}")
    assert asks.status == 401


async def test_the_ticket_of_an_ended_visit_opens_nothing(full: Entrance) -> None:
    """Who keeps the ticket does not claim again, although the time of the first pass is not over."""
    held = await full.waiting()
    await full.open()
    admission = (await full.ask("/booking", f"Talon-Ticket: {held}")).cookie("talon_pass")
    full.backend.fields = ("Talon-Visit: end",)
    assert (await full.ask("/booking", f"Talon-Pass: {admission}")).status == 200
    full.backend.fields = ()
    await full.close()
    full.backend.asked.clear()
    answer = await full.ask("/booking", f"Talon-Ticket: {held}")
    assert (answer.status, full.backend.asked) == (503, [])
    assert json.loads(answer.body)["ticket"] != held
    assert (await full.ask(f"/_talon/tickets/{held}")).status == 410


async def test_other_gateways_hear_of_the_end(free: Entrance) -> None:
    """The report of one turn carries the end to whoever reads it, without a question to the store for any request."""
    room = LiveRoom(name=ROOM, policy=free.room.policy)
    other = AdmissionLoop(room, free.store, "other", dict, Metrics(), lambda: free.now)
    admission = (await free.ask("/booking")).cookie("talon_pass")
    visit = passes.decode(admission, KEYS).visit
    await other.tick()
    assert not room.endings.has(visit, free.now)
    free.backend.fields = ("Talon-Visit: end",)
    await free.ask("/booking", f"Talon-Pass: {admission}")
    await free.tick(0.1)
    await other.tick()
    assert room.endings.has(visit, free.now)


async def test_an_end_is_forgotten_when_no_pass_of_it_is_left(free: Entrance) -> None:
    """The memory lasts as long as a pass without use; by then the pass has ended by itself."""
    kept = await ended(free)
    free.now += 601
    await free.tick(0.2)
    assert len(free.room.endings) == 0
    assert (await free.ask("/booking", f"Talon-Pass: {kept}")).status == 503


async def test_an_ended_visit_is_not_renewed_by_a_request_still_open(free: Entrance) -> None:
    """A request that was sent before the end and is answered after it takes the pass back, and renews nothing."""
    admission = (await free.ask("/booking")).cookie("talon_pass")
    free.now += 400
    await free.tick(0.1)
    visit = passes.decode(admission, KEYS).visit
    free.backend.asked.clear()
    free.backend.free.clear()
    waiting = asyncio.create_task(free.ask("/booking/slots", f"Talon-Pass: {admission}"))
    await free.backend.came(1)
    free.room.endings.end(visit, free.now, free.now + 600)
    free.backend.free.set()
    assert "talon_pass=; Max-Age=0" in (await waiting).all("Set-Cookie")[0]


async def test_one_pass_carries_no_crowd(start: Start) -> None:
    """More open requests with one pass than allowed get 429, never the waiting page; other passes are not held up."""
    entrance: Entrance = await start(pass_concurrency=3)
    shared, other = [(await entrance.ask("/booking")).cookie("talon_pass") for _ in range(2)]
    backend = entrance.backend
    backend.asked.clear()
    backend.free.clear()
    first = [asyncio.create_task(entrance.ask("/booking", f"Talon-Pass: {shared}")) for _ in range(3)]
    await backend.came(3)
    for accept in ("application/json", "text/html"):
        answer = await entrance.ask("/booking", f"Talon-Pass: {shared}", f"Accept: {accept}")
        assert (answer.status, json.loads(answer.body)["code"]) == (429, "pass_busy")
        assert (answer.all("Retry-After"), answer.all("Set-Cookie")) == (["1"], [])
    second = asyncio.create_task(entrance.ask("/booking", f"Talon-Pass: {other}"))
    await backend.came(4)
    backend.free.set()
    assert {(await answer).status for answer in (*first, second)} == {200}
    assert (await entrance.ask("/booking", f"Talon-Pass: {shared}")).status == 200, "places are free again"
    assert entrance.log_lines()[-2]["reason"] == "pass"


async def test_express_requests_do_not_count(start: Start) -> None:
    """What needs no pass is not held by its number of requests."""
    entrance: Entrance = await start(pass_concurrency=1)
    shared = (await entrance.ask("/booking")).cookie("talon_pass")
    backend = entrance.backend
    backend.asked.clear()
    backend.free.clear()
    asked = [asyncio.create_task(entrance.ask("/style.css", f"Talon-Pass: {shared}")) for _ in range(4)]
    await backend.came(4)
    backend.free.set()
    assert {(await answer).status for answer in asked} == {200}

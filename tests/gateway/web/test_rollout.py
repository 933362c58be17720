"""A room that is in force for some: a visitor meets it always or never, and one command lets everybody through."""

from dataclasses import replace
from typing import Any

import aiohttp

from tests.gateway.web.conftest import ROOM, Portal

OBSERVE = {"action": "observe", "author": "Ann", "reason": "bookings fail", "ttl": "10m"}


def set_percent(portal: Portal, percent: float) -> None:
    rules = replace(portal.site.settings.rooms[ROOM], enforce_percent=percent)
    portal.site.settings = portal.site.settings.model_copy(update={"rooms": {ROOM: rules}})


async def ask(portal: Portal, address: str, **cookies: str) -> tuple[int, Any]:
    fields = {"X-Forwarded-For": address}
    async with (
        aiohttp.ClientSession(portal.visitors, cookies=cookies) as session,
        session.get("/booking", headers=fields) as answer,
    ):
        return answer.status, answer.cookies


async def test_a_visitor_meets_the_room_always_or_never(portal: Portal) -> None:
    """At 30 % of the addresses about three of ten wait; the same ones when they reload; more of them at 60 %."""
    await portal.close()
    addresses = [f"203.0.113.{number}" for number in range(100)]
    met: list[set[str]] = []
    for percent in (30, 30, 60):
        set_percent(portal, percent)
        met.append({one for one in addresses if (await ask(portal, one))[0] == 503})
    assert met[0] == met[1] < met[2]
    assert 20 <= len(met[0]) <= 40
    assert 50 <= len(met[2]) <= 70
    assert [line["decision"] for line in portal.log_lines()].count("observe") == 300 - sum(map(len, met))


async def test_who_has_a_place_keeps_it(portal: Portal) -> None:
    """A visitor who waits goes on waiting when the percentage falls to nothing."""
    await portal.close()
    _, cookies = await ask(portal, "203.0.113.1")
    set_percent(portal, 0)
    assert (await ask(portal, "203.0.113.1", talon_ticket=cookies["talon_ticket"].value))[0] == 503
    assert (await ask(portal, "203.0.113.1"))[0] == 200


async def test_one_command_lets_everybody_through_for_a_time(portal: Portal) -> None:
    """The action observe opens the room without touching the rate; after its end the room is in force again."""
    await portal.close()
    assert (await ask(portal, "203.0.113.1"))[0] == 503
    async with aiohttp.ClientSession(portal.operators) as session:
        async with session.post(f"/api/rooms/{ROOM}", json=OBSERVE) as answer:
            assert answer.status == 200
        await portal.tick()
        assert (await ask(portal, "203.0.113.1"))[0] == 200
        async with session.get("/api/rooms") as answer:
            room = (await answer.json())["rooms"][0]
            assert (room["paused_by"]["action"], room["reason"]) != ("observe", "paused")
            assert room["paused_by"]["author"] == "Ann"
    await portal.tick(601)
    await portal.close()
    assert (await ask(portal, "203.0.113.1"))[0] == 503


async def test_another_proxy_is_told_the_same(portal: Portal) -> None:
    """Forward-auth lets those through whom the room spares."""
    set_percent(portal, 0)
    async with (
        aiohttp.ClientSession(portal.visitors) as session,
        session.get("/_talon/authorize", headers={"X-Original-URI": "/booking"}) as answer,
    ):
        assert answer.status == 204

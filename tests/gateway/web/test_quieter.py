"""The advice to come later reaches everybody who might take it: pages, the shared document, the status page."""

from collections.abc import Callable
from typing import Any

import aiohttp

from gateway.core.joins import JoinPolicy
from tests.gateway.web.conftest import ROOM, Portal
from tests.plans import plan

Come = Callable[[Portal], aiohttp.ClientSession]
HALF_AN_HOUR = 1800.0


async def advised(portal: Portal, one: aiohttp.ClientSession) -> tuple[float | None, bool, bool]:
    """What the shared document says, and whether the waiting page and the status page say anything."""
    portal.now += 0.5  # the document is made anew every half second
    async with one.get(f"/_talon/rooms/{ROOM}") as answer:
        said = (await answer.json())["advice"]["quieter_after"]
    pages = []
    for path in ("/booking", "/_talon/status"):
        async with one.get(path, headers={"Accept": "text/html"}) as answer:
            pages.append("quieter" in (await answer.text()).lower())
    return said, pages[0], pages[1]


async def test_the_advice_is_told_and_taken_back(start: Callable[..., Any], visitor: Come) -> None:
    """With a plan that sees a quiet hour it is named everywhere; when the plan is gone, so is the advice."""
    portal = await start(joins=JoinPolicy(second_contact=False))
    await portal.close()
    assert await advised(portal, visitor(portal)) == (None, False, False)
    begins = portal.now
    portal.room.record = plan(begins, HALF_AN_HOUR, (0.02, 0.002), (0.001, 0.002), (0.001, 0.002))
    await portal.tick(1)
    assert await advised(portal, visitor(portal)) == (begins + HALF_AN_HOUR, True, True)
    portal.room.record = None
    await portal.tick(1)
    assert await advised(portal, visitor(portal)) == (None, False, False)

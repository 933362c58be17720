"""Nodes are drained and enabled by command, and every command leaves a trace."""

import json
from typing import Any

import aiohttp
import pytest

from gateway.core.node_change import NodeChange
from tests.gateway.web.conftest import Portal

DRAIN = {"action": "drain", "node": "http://primary", "author": "Ann", "reason": "new disk"}


async def command(portal: Portal, body: object, pool: str = "primary") -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(portal.operators) as session,
        session.post(f"/api/pools/{pool}", json=body) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def state(portal: Portal) -> str:
    async with aiohttp.ClientSession(portal.operators) as session, session.get("/api/pools") as answer:
        return str((await answer.json())["pools"][0]["nodes"][0]["state"])


async def test_a_node_is_drained_and_enabled_for_all_gateways(portal: Portal) -> None:
    """The pool here obeys at once; the store holds the command for the others; the audit file knows who did it."""
    assert (await command(portal, {**DRAIN, "ttl": "1h"}))[0] == 200
    assert await state(portal) == "draining"
    stored = NodeChange.from_bytes((await portal.store.node_changes())["primary http://primary"])
    assert stored is not None
    assert stored.until == portal.now + 3600
    assert (await command(portal, {**DRAIN, "action": "enable"}))[0] == 200
    assert await state(portal) == "up"
    lines = [json.loads(line) for line in (portal.folder / "audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["author"], line["node"]) for line in lines] == [
        ("drain", "Ann", "http://primary"),
        ("enable", "Ann", "http://primary"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**DRAIN, "node": "http://elsewhere"}, "expected one of http://primary"),
        ({**DRAIN, "action": "kill"}, "expected drain or enable"),
        ({**DRAIN, "author": ""}, "author and reason"),
        ({**DRAIN, "ttl": "2d"}, "at most 1d"),
        ({**DRAIN, "ttl": "soon"}, "duration"),
        ([], "expected JSON"),
    ],
)
async def test_a_command_that_makes_no_sense_is_refused(portal: Portal, body: object, said: str) -> None:
    """The answer says what was expected, and nothing is stored."""
    status, answer = await command(portal, body)
    assert (status, said in answer["title"]) == (422, True), answer
    assert await portal.store.node_changes() == {}


async def test_a_pool_that_does_not_exist_is_said_so(portal: Portal) -> None:
    """The name in the path must be a configured pool."""
    assert (await command(portal, DRAIN, "tertiary"))[0] == 404


async def test_without_the_store_nothing_is_done(portal: Portal) -> None:
    """A command that the other gateways would not hear of is refused as a whole."""
    portal.store.gone = True
    assert (await command(portal, DRAIN))[0] == 503
    assert await state(portal) == "up"

"""The operators' address: health, metrics, the state of rooms and pools, and changes that leave a trace."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from forecasting.contract import ForecastRecord, PlanStep
from tests.gateway.web.conftest import ROOM, Portal

PAUSE = {"action": "pause", "author": "Ann", "reason": "storm", "ttl": "10m"}


@pytest.fixture
async def operator(portal: Portal) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(portal.operators) as session:
        yield session


async def look(operator: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with operator.get(path) as answer:
        return answer.status, await answer.json(content_type=None)


async def change(operator: aiohttp.ClientSession, body: object, room: str = ROOM) -> tuple[int, Any]:
    async with operator.post(f"/api/rooms/{room}", json=body) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_live_is_live_whatever_happens(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """`/livez` never depends on the store or the pools; `/readyz` does, and says which."""
    assert (await look(operator, "/livez"))[0] == 200
    assert await look(operator, "/readyz") == (
        200,
        {"ready": True, "store_up": True, "pools": {"primary": True, "backup": True}, "draining": False},
    )
    portal.store.gone = True
    await portal.tick(1)
    assert (await look(operator, "/livez"))[0] == 200
    status, body = await look(operator, "/readyz")
    assert (status, body["store_up"]) == (503, False)


async def test_ready_needs_one_healthy_pool_and_ends_with_draining(
    portal: Portal, operator: aiohttp.ClientSession
) -> None:
    """One pool is enough, none is not, and a gateway that drains wants no new visitors."""
    portal.readings["primary"] = replace(portal.readings["primary"], healthy=False)
    assert (await look(operator, "/readyz"))[0] == 200
    portal.readings["backup"] = replace(portal.readings["backup"], healthy=False)
    assert (await look(operator, "/readyz"))[0] == 503
    portal.readings = {name: replace(reading, healthy=True) for name, reading in portal.readings.items()}
    portal.admin.draining = True
    status, body = await look(operator, "/readyz")
    assert (status, body["draining"]) == (503, True)


async def test_metrics_are_prometheus_text(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """The contract's names are there, in the exposition format."""
    async with operator.get("/metrics") as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for name in ("talon_room_waiting", "talon_room_admission_rate", "talon_store_up", "talon_pool_share"):
        assert f"\n# TYPE {name} " in text
    assert "\ntalon_store_up 1.0" in text


async def test_the_front_door_leads_to_the_dashboard(operator: aiohttp.ClientSession) -> None:
    """`/` goes to a page with a strict policy of its own."""
    async with operator.get("/") as answer:
        assert (answer.status, answer.url.path, answer.content_type) == (200, "/dashboard", "text/html")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_pause_stops_the_room_with_its_author_on_the_wall(
    portal: Portal, operator: aiohttp.ClientSession
) -> None:
    """Paused, nobody goes in; everybody sees who did it, why and until when; resume ends it."""
    status, body = await change(operator, PAUSE)
    assert (status, body["control"]["action"], body["control"]["until"]) == (200, "pause", portal.now + 600)
    await portal.tick(1)
    _, seen = await look(operator, "/api/rooms")
    assert seen["rooms"][0]["state"] == "paused"
    assert (seen["rooms"][0]["paused_by"]["author"], seen["rooms"][0]["paused_by"]["reason"]) == ("Ann", "storm")
    async with aiohttp.ClientSession(portal.visitors) as visitor, visitor.get("/booking") as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (503, "paused")
    status, _ = await change(operator, {"action": "resume", "author": "Ann", "reason": "over", "ttl": "1m"})
    assert status == 200
    await portal.tick(1)
    _, seen = await look(operator, "/api/rooms")
    assert (seen["rooms"][0]["paused_by"], seen["rooms"][0]["state"]) != ("Ann", "paused")
    assert seen["rooms"][0]["paused_by"] is None


async def test_a_rate_by_hand_rules_until_its_end(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """The operator's rate is the room's rate, with its reason, and ends by itself."""
    status, _ = await change(operator, {**PAUSE, "action": "rate", "rate": 2.5, "ttl": "30s"})
    assert status == 200
    await portal.tick(1)
    _, seen = await look(operator, "/api/rooms")
    assert (seen["rooms"][0]["admission_rate"], seen["rooms"][0]["reason"]) == (2.5, "manual")
    portal.now += 31
    await portal.tick(1)
    _, seen = await look(operator, "/api/rooms")
    assert seen["rooms"][0]["reason"] != "manual"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**PAUSE, "author": ""}, "author and reason"),
        ({**PAUSE, "reason": "  "}, "author and reason"),
        ({**PAUSE, "ttl": "10"}, "duration with a unit"),
        ({**PAUSE, "ttl": "0s"}, "ttl: expected above 0s and at most 1d"),
        ({**PAUSE, "ttl": "2d"}, "ttl: expected above 0s and at most 1d"),
        ({**PAUSE, "action": "stop"}, "action: expected one of pause, close, exhausted, rate, observe, resume"),
        ({**PAUSE, "action": "rate", "rate": -1}, "rate: expected visits/s above 0"),
        ({**PAUSE, "action": "rate", "rate": "many"}, "expected JSON"),
        ({**PAUSE, "action": "rate"}, "rate: expected visits/s above 0"),
        ([], "expected JSON"),
        ("pause", "expected JSON"),
    ],
)
async def test_a_change_that_is_not_clear_is_refused(
    portal: Portal, operator: aiohttp.ClientSession, body: object, said: str
) -> None:
    """Without author, reason or a possible end nothing changes, and the answer says what was expected."""
    status, answer = await change(operator, body)
    assert status == 422
    assert said in answer["title"]
    await portal.tick(1)
    assert portal.room.control.action == "resume"
    assert not (portal.folder / "audit.jsonl").exists()


async def test_a_body_that_is_no_json_is_refused(operator: aiohttp.ClientSession) -> None:
    """Bytes that nobody can read are 422, a flood of them 413."""
    async with operator.post(f"/api/rooms/{ROOM}", data=b"\xff{") as answer:
        assert answer.status == 422
    async with operator.post(f"/api/rooms/{ROOM}", data=b"x" * 20_000) as answer:
        assert answer.status == 413


async def test_changes_are_audited(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """Each change that was stored is one line with time, room, action, author and reason; others leave none."""
    await change(operator, PAUSE)
    await change(operator, {**PAUSE, "author": "Bob", "action": "rate", "rate": 3})
    assert (await change(operator, PAUSE, room="nowhere"))[0] == 404
    portal.store.gone = True
    status, body = await change(operator, PAUSE)
    assert (status, body["code"]) == (503, "store_down")
    lines = [json.loads(line) for line in (portal.folder / "audit.jsonl").read_text().splitlines()]
    assert [(line["author"], line["action"], line["room"], line["reason"]) for line in lines] == [
        ("Ann", "pause", ROOM, "storm"),
        ("Bob", "rate", ROOM, "storm"),
    ]
    assert all(line["at"] == portal.now for line in lines)


async def test_the_room_is_described_with_its_numbers(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """Waiting, issued, serving, inside, rate and reason are those of the room."""
    async with aiohttp.ClientSession(portal.visitors) as one:
        await (await one.get("/booking")).read()
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors) as two:
        await (await two.get("/booking")).read()
    await portal.tick(1)
    room = (await look(operator, "/api/rooms"))[1]["rooms"][0]
    assert (room["waiting"], room["issued"]["regular"], room["serving"]["regular"]) == (
        {"urgent": 0, "regular": 1},
        2,
        1,
    )
    assert (room["claims"], room["leader"], room["state"]) == (1, True, "queueing")
    # One visit of a person and the five residents of a closed room.
    assert room["inside"] == 6


async def test_pools_tell_their_state_and_why(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """A backup is closed until there is a reason; a failed primary opens it fully."""
    pools = {pool["name"]: pool for pool in (await look(operator, "/api/pools"))[1]["pools"]}
    assert (pools["primary"]["state"], pools["backup"]["state"], pools["backup"]["role"]) == (
        "open",
        "closed",
        "backup",
    )
    portal.readings["primary"] = replace(portal.readings["primary"], healthy=False)
    await portal.tick(1)
    pools = {pool["name"]: pool for pool in (await look(operator, "/api/pools"))[1]["pools"]}
    assert (pools["backup"]["state"], pools["backup"]["share"], pools["backup"]["reason"]) == ("open", 1.0, "failure")


async def test_the_forecast_is_told_with_its_age(portal: Portal, operator: aiohttp.ClientSession) -> None:
    """Absent, good and stale records are told apart; a good one gives the numbers of now."""
    assert (await look(operator, "/api/forecast"))[1]["forecasts"][0]["state"] == "absent"
    step = PlanStep(at=portal.now, q10=1, q50=2, q90=3, q95=4, admission_rate=5.0, pool_share={"primary": 1.0})
    portal.room.record = ForecastRecord(
        room=ROOM,
        version="v7",
        model="prophet",
        made_at=portal.now,
        expires_at=portal.now + 100,
        step_seconds=300,
        capacity={"primary": 5.0},
        steps=(step,),
    )
    portal.now += 50
    await portal.tick()
    told = (await look(operator, "/api/forecast"))[1]["forecasts"][0]
    assert (told["state"], told["version"], told["now"]["q50"]) == ("ok", "v7", 2)
    assert told["age_seconds"] == pytest.approx(50, abs=1)
    portal.now += 60
    await portal.tick()
    assert (await look(operator, "/api/forecast"))[1]["forecasts"][0]["state"] == "stale"

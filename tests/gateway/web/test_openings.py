"""An opening as visitors, apps and operators see it: pre-queue, countdown, commitment, and the order afterwards."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from gateway.core.control import Control
from gateway.core.known_openings import Opening
from gateway.verify_order import verify
from tests.gateway.web.conftest import ROOM, SEED, Portal
from tests.gateway.web.described import fits

Visitor = Callable[[Portal], aiohttp.ClientSession]
SHOWN = f"/_talon/rooms/{ROOM}"
HASH = hashlib.sha256(SEED).hexdigest()


async def begin(portal: Portal, seconds: int = 60) -> int:
    """Let a pre-queue begin; returns the time of its opening."""
    opens_at = int(portal.now) + seconds
    portal.opening = Opening(opens_at=opens_at, begins_at=portal.now)
    await portal.tick(0.3)
    return opens_at


async def serving(one: aiohttp.ClientSession, portal: Portal) -> dict[str, Any]:
    portal.now += 0.5  # the document is made anew every half second
    async with one.get(SHOWN) as answer:
        document: dict[str, Any] = await fits(answer, "get", "/_talon/rooms/{name}")
        return document


async def test_in_the_pre_queue_nobody_gets_in_and_everybody_is_told_when(portal: Portal, visitor: Visitor) -> None:
    """A free room holds a newcomer back; the problem has the time, the commitment and a personal time to ask."""
    opens_at = await begin(portal, seconds=100)
    one = visitor(portal)
    async with one.get("/booking") as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"], problem["opens_at"], problem["seed_hash"]) == (
        503,
        "prequeue",
        opens_at,
        HASH,
    )
    assert (problem["ahead"], problem["position"], problem["turn"], problem["eta_seconds_low"]) == (None,) * 4
    assert answer.headers["Retry-After"] == str(problem["retry_after"]) == "54"
    await portal.tick(60)
    async with one.get("/booking") as answer:
        problem = await answer.json()
    assert portal.now + problem["retry_after"] == pytest.approx(opens_at + 0.5, abs=1)
    assert [line["reason"] for line in portal.log_lines()] == ["prequeue", "prequeue"]
    assert {line["decision"] for line in portal.log_lines()} == {"wait"}


async def test_the_document_commits_to_the_seed_and_reveals_it_at_the_opening(portal: Portal, visitor: Visitor) -> None:
    """Before: state, time and hash, the seed nowhere. After: seed and borders, from which the order follows."""
    one = visitor(portal)
    assert "opening" not in await serving(one, portal)
    opens_at = await begin(portal)
    for _ in range(12):
        async with visitor(portal).get("/booking") as answer:
            assert answer.status == 503
    before = await serving(one, portal)
    assert (before["state"], before["opening"]) == (
        "prequeue",
        {"opens_at": opens_at, "seed_hash": HASH, "seed": None},
    )
    assert SEED.hex() not in json.dumps(before)
    await portal.tick(61)
    after = await serving(one, portal)
    assert after["opening"] == {
        "opens_at": opens_at,
        "seed_hash": HASH,
        "seed": SEED.hex(),
        "cohort": {"urgent": [0, 0], "regular": [0, 12]},
    }
    assert len(json.dumps(after)) < 1024
    positions = [verify(json.dumps(after).encode(), "regular", n, before["opening"]["seed_hash"]) for n in range(1, 13)]
    assert sorted(found.position for found in positions) == list(range(1, 13))


async def test_turns_come_in_the_order_that_was_drawn(portal: Portal, visitor: Visitor) -> None:
    """After the opening each answer names the turn; whose turn serving has reached gets in, the others wait."""
    await begin(portal)
    people = [visitor(portal) for _ in range(8)]
    numbers = []
    for person in people:
        async with person.get("/booking") as answer:
            numbers.append((await answer.json())["number"])
    pause = Control(action="pause", author="Ann", reason="to look", until=portal.now + 1000)
    await portal.store.set_control(ROOM, pause.to_bytes())
    await portal.tick(60)
    late = visitor(portal)
    turns = {}
    for person, number in zip(people, numbers, strict=True):
        async with person.get("/booking") as answer:
            problem = await answer.json()
        assert (answer.status, problem["code"], "opens_at" in problem) == (503, "paused", False)
        turns[number] = problem["turn"]
        assert problem["ahead"] == problem["turn"] - 1
    cohort = portal.room.openings.cohort
    assert cohort is not None
    assert turns == {number: cohort.position("regular", number) for number in numbers}
    async with late.get("/booking") as answer:
        assert (await answer.json())["turn"] == 9
    await portal.store.call(ROOM, {"regular": 3}, owner="me", credit=0)
    await portal.tick()
    for person, number in zip(people, numbers, strict=True):
        async with person.get("/booking") as answer:
            assert (answer.status == 200) is (turns[number] <= 3)


async def test_who_came_before_the_pre_queue_keeps_the_place(portal: Portal, visitor: Visitor) -> None:
    """Such a visit is in the queue as before, with position and turn, and is not told of the opening."""
    await portal.close()
    early = visitor(portal)
    async with early.get("/booking") as answer:
        assert answer.status == 503
    await begin(portal)
    async with early.get("/booking") as answer:
        problem = await answer.json()
    assert (problem["code"], problem["turn"], problem["ahead"], "opens_at" in problem) == ("queue", 1, 0, False)
    await portal.open()
    async with early.get("/booking") as answer:
        assert answer.status == 200


async def test_the_page_and_the_apps_say_that_booking_opens_soon(portal: Portal, visitor: Visitor) -> None:
    """The waiting page is in its state of pre-queue; the ticket API names the reason and fits its document."""
    opens_at = await begin(portal)
    async with visitor(portal).get("/booking", headers={"Accept": "text/html"}) as answer:
        page = await answer.text()
    assert "Booking opens" in page
    facts = json.loads(re.findall(r"\}\)\((\{.*?\})\)\n</script>", page, re.S)[0])
    assert (facts["state"], facts["opens"]) == ("prequeue", opens_at - int(portal.now))
    assert not {"number", "ahead", "high"} & set(facts)
    app = visitor(portal)
    async with app.post("/_talon/tickets") as answer:
        place = await fits(answer, "post", "/_talon/tickets")
    assert (place["reason"], place["opens_at"], place["turn"]) == ("prequeue", opens_at, None)
    await portal.tick()
    async with app.get("/_talon/status", headers={"Accept": "application/json"}) as answer:
        status = await fits(answer, "get", "/_talon/status")
    assert status["rooms"][0] == {"name": ROOM, "state": "prequeue", "waiting": 2}


async def test_an_opening_in_the_midst_of_the_former_one_is_without_a_shuffle(
    portal: Portal, visitor: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    """The former order stands, arrivals queue behind it, and an event says once that there will be no shuffle."""
    await begin(portal, 5)
    for _ in range(3):
        async with visitor(portal).get("/booking") as answer:
            assert answer.status == 503
    await portal.close()
    await portal.tick(5)
    first = portal.room.openings.cohort
    await begin(portal, 30)
    await portal.tick(2)
    assert portal.room.openings.cohort == first
    async with visitor(portal).get("/booking") as answer:
        problem = await answer.json()
    assert (problem["code"], problem["turn"]) == ("queue", 4)
    said = [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert [name for name in said if name != "pools_open"] == ["prequeue", "opened", "opening_without_shuffle"]

"""What the gate answers when the backend does not, what it writes down, and where visits go on."""

from collections.abc import Callable
from dataclasses import replace

import aiohttp
import pytest

from tests.gateway.web.conftest import ROOM, Portal

Come = Callable[[Portal], aiohttp.ClientSession]
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def test_a_body_that_is_too_large_is_refused(portal: Portal, visitor: Come) -> None:
    """A body beyond the limit never reaches the backend."""
    async with visitor(portal).post("/booking", data=b"x" * 1001) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (413, "body_too_large")
    assert portal.upstream.asked == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("connect", 502, "upstream_unreachable"),
        ("read", 502, "upstream_broken"),
        ("timeout", 504, "upstream_timeout"),
        ("overloaded", 503, "upstream_overloaded"),
    ],
)
async def test_a_backend_that_fails_is_told_with_a_reference(
    portal: Portal, visitor: Come, kind: str, status: int, code: str
) -> None:
    """Clients get problem+json, browsers a page; both carry the request's number, and the admission is kept."""
    portal.upstream.fails = kind
    me = visitor(portal)
    async with me.get("/booking") as answer:
        body = await answer.json(content_type="application/problem+json")
        assert (answer.status, body["code"]) == (status, code)
        assert body["reference"] == answer.headers["X-Request-Id"] == portal.log_lines()[-1]["id"]
        assert sum(field.startswith("talon_pass=") for field in answer.headers.getall("Set-Cookie")) == 1
    async with me.get("/booking", headers=BROWSER) as answer:
        page = await answer.text()
        assert answer.status == status
        assert answer.headers["X-Request-Id"] in page
        assert "Traceback" not in page
    portal.upstream.fails = ""
    await portal.close()
    async with me.get("/booking") as answer:
        assert answer.status == 200


async def test_the_log_holds_no_address_and_no_token(portal: Portal, visitor: Come) -> None:
    """A line has method, path, status, class, decision, visit and pool; nothing that points to a person."""
    me = visitor(portal)
    async with me.get("/booking/slots?name=Ann", headers={"User-Agent": "Ann's phone"}) as answer:
        token = answer.cookies["talon_pass"].value
    await portal.close()
    await (await visitor(portal).get("/booking")).read()
    text = "\n".join(str(line) for line in portal.log_lines())
    line = portal.log_lines()[0]
    assert (line["method"], line["path"], line["status"], line["pool"]) == ("GET", "/booking/slots", 200, "primary")
    assert (line["class"], line["room"], line["lane"], line["decision"]) == ("visit", ROOM, "regular", "room_free")
    assert line["ts"].endswith("Z")
    assert line["visit"].endswith(".regular.1")
    assert portal.log_lines()[1]["decision"] == "wait"
    for secret in ("127.0.0.1", token, "Ann"):
        assert secret not in text


async def test_requests_are_counted_by_decision(portal: Portal, visitor: Come) -> None:
    """Each answer is in the metrics with room, class and decision."""
    await (await visitor(portal).get("/booking")).read()
    await portal.close()
    await (await visitor(portal).get("/booking")).read()
    text = portal.site.metrics.render().decode()
    for decision in ("room_free", "queue"):
        assert f'talon_requests_total{{class="visit",decision="{decision}",room="booking"}} 1.0' in text
    assert 'talon_room_admissions_total{lane="regular",room="booking"} 1.0' in text


async def test_visits_stay_with_their_pool_until_it_fails(portal: Portal, visitor: Come) -> None:
    """A journey is not split between pools; when its pool has no healthy node it goes on at another one."""
    me = visitor(portal)
    await (await me.get("/booking")).read()
    async with me.get("/booking/2") as answer:
        assert answer.headers["X-Pool"] == "primary"
    portal.readings["primary"] = replace(portal.readings["primary"], healthy=False)
    await portal.tick(1)
    async with me.get("/booking/3") as answer:
        assert answer.headers["X-Pool"] == "backup"

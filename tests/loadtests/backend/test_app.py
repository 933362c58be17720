"""The simulated backend over real HTTP: capacity, work that outlives its visitor, forms, faults, statistics."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from loadtests.backend.app import STATE, build_app
from loadtests.backend.inventory import Inventory
from loadtests.backend.service import ServiceModel
from loadtests.backend.state import BackendState
from tests.conftest import until

Client = TestClient[Any, Any]
HTML = {"Accept": "text/html"}


@asynccontextmanager
async def backend(folder: Path, **model: Any) -> AsyncIterator[Client]:
    """A backend on a free port with two doctors of thirty slots."""
    inventory = Inventory(folder / "slots.sqlite", doctors=2, slots_per_doctor=30)
    settings: dict[str, Any] = {"service_time": 0.002} | model
    state = BackendState(model=ServiceModel(**settings), inventory=inventory, random=Random(1))
    async with TestClient(TestServer(build_app(state))) as client:
        yield client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A quick backend."""
    async with backend(tmp_path) as client:
        yield client


def state_of(client: Client) -> BackendState:
    """What the backend behind a client holds."""
    app = client.app
    assert app is not None
    return app[STATE]


async def hold(client: Client, slot: int, **headers: str) -> tuple[int, dict[str, Any]]:
    """Ask for a slot as an API client."""
    async with client.post("/bookings", json={"slot": slot, "person": "Ann"}, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_an_api_client_books_and_the_visit_ends(client: Client) -> None:
    """Doctors, slots, hold, confirm: four requests, and the last answer ends the visit."""
    doctors = (await (await client.get("/doctors")).json())["doctors"]
    slots = (await (await client.get(f"/doctors/{doctors[1]}/slots")).json())["slots"]
    assert len(slots) == 20
    assert all(30 <= slot < 60 for slot in slots)
    status, booking = await hold(client, slots[0])
    assert (status, booking["state"]) == (201, "held")
    answer = await client.post(f"/bookings/{booking['id']}/confirm")
    assert (answer.status, answer.headers["Talon-Visit"]) == (200, "end")
    stats = await (await client.get("/_sim/stats")).json()
    assert (stats["bookings"], stats["confirmed"], stats["offered"], stats["served"]) == (1, 1, 4, 4)
    assert stats["double_bookings"] == 0
    assert sum(count for _, count in stats["series"]["confirmed"]) == 1


async def test_a_slot_is_taken_for_the_second_and_a_key_repeats_the_answer(client: Client) -> None:
    """Another person gets a conflict; the same person with the same key gets the same booking."""
    first = await hold(client, 5, **{"Idempotency-Key": "k"})
    assert await hold(client, 5, **{"Idempotency-Key": "k"}) == first
    status, body = await hold(client, 5)
    assert (status, body["slot"]) == (409, 5)
    assert (await (await client.get("/_sim/stats")).json())["taken_attempts"] == 1


@pytest.mark.parametrize("how", ["delete", "post"])
async def test_cancelling_frees_the_slot_and_ends_the_visit(client: Client, how: str) -> None:
    """Both ways of cancelling give the slot back."""
    _, booking = await hold(client, 5)
    path = f"/bookings/{booking['id']}"
    answer = await (client.delete(path) if how == "delete" else client.post(f"{path}/cancel"))
    assert (answer.status, answer.headers["Talon-Visit"]) == (200, "end")
    assert (await hold(client, 5))[0] == 201
    assert (await client.post(f"{path}/confirm")).status == 410


async def test_pages_work_with_links_and_forms_alone(client: Client) -> None:
    """From the front page to the reference, following only what the pages offer."""

    async def page(method: str, path: str, **fields: str) -> tuple[int, str]:
        body = urlencode(fields) if fields else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
        async with client.request(method, path, data=body, headers=HTML | kind) as answer:
            assert answer.content_type == "text/html"
            text = await answer.text()
            assert "<script" not in text
            return answer.status, text

    def only(pattern: str, text: str) -> str:
        found = re.search(pattern, text)
        assert found is not None, text
        return found[1]

    _, home = await page("GET", "/")
    _, doctors = await page("GET", only(r'href="(/doctors)"', home))
    _, slots = await page("GET", only(r'href="(/doctors/1/slots)"', doctors))
    fields = {"slot": only(r'name="slot" value="(\d+)"', slots), "key": only(r'name="key" value="(\w+)"', slots)}
    status, held = await page("POST", only(r'action="(/bookings)"', slots), person="Ann <b>", **fields)
    assert status == 201
    assert "Ann &lt;b&gt;" in held
    assert await page("POST", "/bookings", person="Ann <b>", **fields) == (201, held)
    status, booked = await page("POST", only(r'action="(/bookings/\w+/confirm)"', held))
    assert status == 200
    assert "Your appointment is booked" in booked
    assert only(r'id="reference">(\w+)<', booked) in held
    status, taken = await page("POST", "/bookings", person="Bob", slot=fields["slot"])
    assert status == 409
    assert 'href="/doctors/1/slots"' in taken


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", "unexpected end"),
        (b"[]", "Expected a JSON object"),
        (b'{"slot":"x","person":"a"}', "Expected slot"),
        (b'{"slot":1}', "Expected person"),
        (b'{"slot":60,"person":"a"}', "no slot 60"),
    ],
)
async def test_a_bad_wish_is_refused_with_a_sentence(client: Client, body: bytes, expected: str) -> None:
    """What is missing or wrong is said."""
    answer = await client.post("/bookings", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert expected in (await answer.json())["error"]


async def test_what_does_not_exist_is_not_found(client: Client) -> None:
    """Unknown doctors and bookings are 404."""
    assert (await client.get("/doctors/3/slots")).status == 404
    assert (await client.post("/bookings/x/confirm")).status == 404
    assert (await client.delete("/bookings/x")).status == 404


async def test_the_pool_bounds_how_much_is_served(tmp_path: Path) -> None:
    """Twenty requests to two workers of 20 ms take at least 200 ms, and home costs nothing meanwhile."""
    async with backend(tmp_path, workers=2, service_time=0.02, contention=0) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()
        crowd = asyncio.gather(*(client.get("/doctors") for _ in range(20)))
        assert (await client.get("/")).status == 200
        assert (await client.get("/healthz")).status == 200
        assert loop.time() - began < 0.15
        assert {answer.status for answer in await crowd} == {200}
        assert 0.195 < loop.time() - began < 1


async def test_work_goes_on_after_the_visitor_has_left(tmp_path: Path) -> None:
    """A request whose visitor hung up is still carried out, and counted as wasted."""
    async with backend(tmp_path, workers=1, service_time=0.1) as client:
        with pytest.raises(TimeoutError):
            await client.post("/bookings", json={"slot": 3, "person": "Ann"}, timeout=aiohttp.ClientTimeout(total=0.03))
        state = state_of(client)
        await until(lambda: state.counters.total("wasted") == 1, what="the abandoned request is served")
        assert (await hold(client, 3))[0] == 409


async def test_a_full_backlog_answers_at_once(tmp_path: Path) -> None:
    """One in service, one waiting: the third gets 503 while both are still under way."""
    async with backend(tmp_path, workers=1, backlog=1, service_time=0.3) as client:
        state = state_of(client)
        slow = [asyncio.ensure_future(client.get("/doctors")) for _ in range(2)]
        await until(lambda: state.pool.waiting == 1)
        assert (await client.get("/doctors")).status == 503
        assert not any(request.done() for request in slow)
        assert {answer.status for answer in await asyncio.gather(*slow)} == {200}
        assert state.counters.total("refused") == 1


async def set_fault(client: Client, **fields: object) -> int:
    """Ask for a fault; the status of the answer."""
    return (await client.post("/_sim/fault", json=fields)).status


async def test_an_error_fault_fails_pages_but_not_health(client: Client) -> None:
    """A grey failure: visitors see errors, the health check does not."""
    assert await set_fault(client, kind="error") == 200
    assert (await client.get("/doctors")).status == 500
    assert (await client.get("/healthz")).status == 200
    assert await set_fault(client, kind="none") == 200
    assert (await client.get("/doctors")).status == 200


async def test_a_refusing_backend_drops_connections(client: Client) -> None:
    """While it refuses, nobody gets an answer, not even the health check."""
    await set_fault(client, kind="refuse")
    for path in ("/doctors", "/healthz"):
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(path)


async def test_a_hanging_backend_is_silent_until_the_fault_ends(client: Client) -> None:
    """A hanging request gets no answer while the fault lasts, and is served when it is lifted."""
    await set_fault(client, kind="hang")
    hanging = asyncio.ensure_future(client.get("/healthz"))
    done, _ = await asyncio.wait([hanging], timeout=0.1)
    assert not done
    await set_fault(client, kind="none")
    assert (await hanging).status == 200


async def test_a_slow_fault_holds_the_worker_longer(client: Client) -> None:
    """A request twenty times slower takes twenty times the service time."""
    await set_fault(client, kind="slow", factor=50)
    began = asyncio.get_running_loop().time()
    assert (await client.get("/doctors")).status == 200
    assert asyncio.get_running_loop().time() - began > 0.095


async def test_a_bad_fault_is_refused(client: Client) -> None:
    """Unknown kinds and fields are 400."""
    assert await set_fault(client, kind="bad") == 400
    assert await set_fault(client, kind="slow", size=1) == 400


async def test_a_reset_forgets_everything(tmp_path: Path) -> None:
    """Bookings, counts, fault and backlog are gone; who was still waiting is told so."""
    async with backend(tmp_path, workers=1, service_time=0.2) as client:
        await hold(client, 3)
        waiting = asyncio.gather(*(client.get("/doctors") for _ in range(3)))
        await until(lambda: state_of(client).pool.waiting == 2)
        await client.post("/_sim/reset")
        assert {answer.status for answer in await waiting} == {503}
        stats = await (await client.get("/_sim/stats")).json()
        assert (stats["bookings"], stats["confirmed"], stats["backlog"]) == (0, 0, 0)
        assert (await hold(client, 3))[0] == 201


async def test_two_backends_on_one_file_never_sell_a_slot_twice(tmp_path: Path) -> None:
    """Requests for the same slots at two nodes: each slot goes to one of them."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(backend(tmp_path)) for _ in range(2)]
        answers = await asyncio.gather(*(hold(node, slot) for slot in range(20) for node in nodes))
        assert sorted(status for status, _ in answers) == [201] * 20 + [409] * 20

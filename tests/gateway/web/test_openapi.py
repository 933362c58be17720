"""The OpenAPI document: it is valid, and what it says of each answer is what the gateway does."""

import asyncio
import json
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from gateway.core.control import Control
from gateway.web import openapi_schemas
from gateway.web.openapi import document
from tests.gateway.web.conftest import ROOM, Portal
from tests.gateway.web.described import closed, fits, parts, resolve

Start = Callable[..., Any]
PATH = "/_talon/openapi.json"
OPERATIONS = 21
CHECKS = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "410", "429", "503"]
"""
"""What the fuzzer must know: a store that is down is 503, a place that was given up is 410,
and place codes may be tried a few times a minute only."""


@pytest.mark.parametrize("rooms", [[ROOM], ["booking", "tests"], []])
def test_the_document_is_openapi(rooms: list[str]) -> None:
    """It passes the meta-schema of OpenAPI 3.1, its schemas that of JSON Schema, and each reference leads somewhere."""
    whole = json.loads(json.dumps(document(rooms, "1")))
    Draft202012Validator(OPENAPI_31).validate(whole)
    for schema in whole["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = [part for part in parts(whole) if "$ref" in part]
    assert len(references) > 20
    assert all(isinstance(resolve(whole, part), dict) for part in references)
    names = [part["operationId"] for part in parts(whole["paths"]) if "operationId" in part and "responses" in part]
    assert len(names) == len(set(names)) == OPERATIONS


def test_the_room_must_be_named_where_there_are_several() -> None:
    """With one room the body of a join may be left out; with two it is required, and the names stand there."""
    for rooms, required in ((["booking"], False), (["tests", "booking"], True)):
        whole: Any = document(rooms, "1")
        body = whole["paths"]["/_talon/tickets"]["post"]["requestBody"]
        schema = body["content"]["application/json"]["schema"]
        assert (body["required"], "required" in schema) == (required, required)
        assert schema["properties"]["room"]["enum"] == sorted(rooms)


def test_every_problem_code_is_listed_and_used() -> None:
    """The codes of the document are those that stand in the code of the API, no more and no fewer."""
    folder = Path(openapi_schemas.__file__).parent
    names = ("room_api.py", "ticket_api.py", "forward_auth.py", "place_api.py", "body.py")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    used = set(re.findall(r'problem\(\s*\d+, "(\w+)"', text)) | {"full", "store_down", "entry", "limited"}
    assert used == set(openapi_schemas.PROBLEM_CODES)


async def test_the_document_is_served_and_may_be_cached(portal: Portal) -> None:
    """Everybody gets the same bytes with an ETag, and 304 with it, also when a cache has weakened it."""
    async with aiohttp.ClientSession(portal.visitors) as app:
        async with app.get(PATH) as answer:
            served, tag = await answer.json(), answer.headers["ETag"]
            assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert served == json.loads(json.dumps(document([ROOM], version("talon-gateway"))))
        for known, status in ((tag, 304), (f'"old", W/{tag}', 304), ("*", 304), ('"old"', 200), ("", 200)):
            async with app.get(PATH, headers={"If-None-Match": known}) as answer:
                assert (answer.status, answer.headers["ETag"]) == (status, tag), known
        async with app.head(PATH) as answer:
            assert (answer.status, await answer.read(), answer.headers["ETag"]) == (200, b"", tag)


async def test_answers_of_a_visit_are_as_the_document_says(portal: Portal) -> None:
    """From joining to going in or leaving, each answer has the members and fields that stand there."""
    tickets, one = "/_talon/tickets", "/_talon/tickets/{token}"
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.post(tickets) as answer:
            first = await fits(answer, "post", tickets)
        async with app.post(tickets, json={"room": ROOM}) as answer:
            second = await fits(answer, "post", tickets)
        assert (first["number"], second["ahead"]) == (1, 1)
        async with app.get(f"{tickets}/{second['ticket']}") as answer:
            assert (await fits(answer, "get", one))["state"] == "waiting"
        async with app.delete(f"{tickets}/{second['ticket']}") as answer:
            assert (answer.status, answer.cookies["talon_ticket"]["max-age"]) == (204, "0")
            await fits(answer, "delete", one)
        for method in ("get", "delete"):
            async with app.request(method, f"{tickets}/{second['ticket']}") as answer:
                assert answer.status == 410
                await fits(answer, method, one, "no_place")
        async with app.post(tickets, headers={"Talon-Ticket": second["ticket"]}) as answer:
            assert (answer.status, (await fits(answer, "post", tickets))["number"]) == (201, 3)
        await portal.open()
        async with app.get(f"{tickets}/{first['ticket']}") as answer:
            assert (await fits(answer, "get", one))["state"] == "admitted"


async def test_refusals_are_as_the_document_says(start: Start) -> None:
    """A full room, a paused one and a store that is gone: each is said in the form that stands there."""
    portal: Portal = await start(max_waiting=1)
    tickets = "/_talon/tickets"
    await portal.close()
    pause = Control(action="pause", author="Ann", reason="storm", until=portal.now + 3600)
    await portal.store.set_control(ROOM, pause.to_bytes())
    await portal.tick(1)
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.post(tickets) as answer:
            place = await fits(answer, "post", tickets)
            assert (answer.status, place["reason"], place["eta_seconds_low"]) == (201, "paused", None)
        async with app.post(tickets) as answer:
            assert answer.status == 503
            await fits(answer, "post", tickets, "full")
        portal.store.gone = True
        await portal.tick(1)
        async with app.post(tickets) as answer:
            assert answer.status == 503
            await fits(answer, "post", tickets, "store_down")
        async with app.get(f"{tickets}/{place['ticket']}") as answer:
            assert (await fits(answer, "get", "/_talon/tickets/{token}"))["reason"] == "store_down"
        async with app.delete(f"{tickets}/{place['ticket']}") as answer:
            assert answer.status == 503
            await fits(answer, "delete", "/_talon/tickets/{token}", "store_down")


async def test_a_place_that_is_moved_is_as_the_document_says(portal: Portal) -> None:
    """Handed over, refused, and sent on from a form: each answer has the members and fields that stand there."""
    tickets, places = "/_talon/tickets", "/_talon/places"
    await portal.close()
    async with aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.DummyCookieJar()) as app:
        async with app.post(tickets) as answer:
            place = await fits(answer, "post", tickets)
        await portal.tick()
        async with app.post(places, json={"code": place["place_code"]}) as answer:
            assert (await fits(answer, "post", places))["number"] == place["number"]
        async with app.post(places, data={"code": place["place_code"]}, allow_redirects=False) as answer:
            assert answer.status == 303
            await fits(answer, "post", places)
        for code, status, said in (("0000-0000", 410, "no_place"), (7, 422, "no_such_room")):
            async with app.post(places, json={"code": code}) as answer:
                assert answer.status == status
                await fits(answer, "post", places, said)
        for _ in range(10):
            async with app.post(places, json={"code": "0000-0000"}) as answer:
                last = answer.status
                await fits(answer, "post", places, "limited" if last == 429 else "no_place")
        assert last == 429


@pytest.mark.parametrize(
    ("state", "options"),
    [
        ("queueing", ("--max-examples", "30")),
        ("open", ("--max-examples", "10")),
        ("store_down", ("--max-examples", "10")),
    ],
)
async def test_no_input_breaks_what_the_document_says(
    portal: Portal, tmp_path: Path, state: str, options: tuple[str, ...]
) -> None:
    """Hundreds of right and wrong requests, the same each time, find no answer that the document does not describe."""
    if state != "open":
        await portal.close()
    if state == "store_down":
        portal.store.gone = True
        await portal.tick(1)
    (tmp_path / "openapi.json").write_text(json.dumps(closed(document([ROOM], "1"))), encoding="utf-8")
    (tmp_path / "checks.toml").write_text(CHECKS, encoding="utf-8")
    arguments = ["--config-file", "checks.toml", "run", "openapi.json", "--url", portal.visitors, "--no-color"]
    arguments += ["--generation-deterministic", *options]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", *arguments),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            printed, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, printed.decode()[-6000:]
    assert f"Tested: {OPERATIONS}" in printed.decode(), printed.decode()[-3000:]

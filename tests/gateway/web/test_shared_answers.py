"""Equal requests become one at the backend; its answer serves all for a moment, and longer while the backend fails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.core.classify import RequestClass
from gateway.core.response_cache import CachePolicy
from tests.conftest import until
from tests.gateway.web.conftest import Hello, Portal

LIST = RequestClass(name="list", paths=("/about",), methods=("GET",), cache=CachePolicy(ttl=2.0, stale_if_error=10.0))
BOOK = RequestClass(name="book", paths=("/book",), methods=("POST",), purges=("list",))


@dataclass
class Backend(Hello):
    """Counts, holds its answers until it is told, and keeps what it saw."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    shared: list[bool] = field(default_factory=list)

    async def send(self, *args: Any, **named: Any) -> web.StreamResponse:
        self.shared.append(named.get("shared", False))
        await self.go.wait()
        return await super().send(*args, **named)


@pytest.fixture
async def backend(portal: Portal) -> AsyncIterator[Backend]:
    """The portal with a cacheable list and a booking that purges it, and a backend that answers."""
    upstream = Backend()
    upstream.go.set()
    portal.site.upstream = upstream
    portal.site.settings = portal.site.settings.model_copy(update={"classes": (LIST, BOOK)})
    portal.site.classifier = type(portal.site.classifier)(classes=(LIST, BOOK), rooms=portal.site.classifier.rooms)
    yield upstream
    upstream.go.set()


async def get(portal: Portal, path: str = "/about", method: str = "GET", **fields: str) -> tuple[int, Any, bytes]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    async with (
        aiohttp.ClientSession(portal.visitors) as session,
        session.request(method, path, headers=named) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


async def test_two_hundred_at_once_cost_the_backend_one(portal: Portal, backend: Backend) -> None:
    """All get the answer; one says stored, the others collapsed; a moment later it is a hit with its age."""
    backend.go.clear()
    asking = [asyncio.create_task(get(portal)) for _ in range(200)]
    await until(lambda: portal.site.metrics.requests and backend.shared)
    await until(lambda: sum(not task.done() for task in asking) == 200)
    backend.go.set()
    answers = await asyncio.gather(*asking)
    assert {(status, body) for status, _, body in answers} == {(200, b"hello from primary")}
    said = sorted({fields["Cache-Status"] for _, fields, _ in answers})
    assert set(said) <= {"talon; fwd=miss; stored", "talon; fwd=miss; collapsed", "talon; hit"}
    assert backend.shared == [True]
    portal.now += 1.0
    _, fields, _ = await get(portal)
    assert (fields["Cache-Status"], fields["Age"]) == ("talon; hit", "1")
    portal.now += 2.0
    await get(portal)
    assert len(backend.shared) == 2


async def test_a_copy_serves_while_the_backend_fails(portal: Portal, backend: Backend) -> None:
    """Within stale_if_error the old answer is given, marked as stale; after it the failure is told."""
    await get(portal)
    backend.fails = "overloaded"
    portal.now += 5.0
    status, fields, _ = await get(portal)
    assert (status, fields["Cache-Status"]) == (200, "talon; hit; detail=stale-if-error")
    portal.now += 10.0
    assert (await get(portal))[0] == 503


async def test_a_failure_is_told_to_all_who_wait_for_it(portal: Portal, backend: Backend) -> None:
    """Without a copy those who wait get the same failure, and the backend is not asked again for each of them."""
    backend.fails = "connect"
    backend.go.clear()
    asking = [asyncio.create_task(get(portal)) for _ in range(20)]
    await until(lambda: backend.shared)
    await until(lambda: not any(task.done() for task in asking))
    backend.go.set()
    assert {status for status, _, _ in await asyncio.gather(*asking)} == {502}
    assert len(backend.shared) < 20


async def test_a_write_ends_the_copies(portal: Portal, backend: Backend) -> None:
    """A booking purges the classes that its class names; one that failed purges nothing."""
    await get(portal)
    backend.fails = "overloaded"
    await get(portal, "/book", "POST")
    backend.fails = ""
    assert (await get(portal))[1]["Cache-Status"] == "talon; hit"
    await get(portal, "/book", "POST")
    assert (await get(portal))[1]["Cache-Status"] == "talon; fwd=miss; stored"


async def test_what_is_personal_is_never_shared(portal: Portal, backend: Backend) -> None:
    """An answer with a cookie, and a request with Authorization, go their own way."""
    backend.says = {"Set-Cookie": "session=ann"}
    for _ in range(2):
        assert "Cache-Status" not in (await get(portal))[1]
    backend.says = {}
    await get(portal)
    _, fields, _ = await get(portal, Authorization="Bearer x")
    assert "Cache-Status" not in fields
    assert backend.shared == [True, True, True, False]


async def test_what_differs_by_language_is_kept_apart(portal: Portal, backend: Backend) -> None:
    """The fields of `vary` are part of what makes requests equal."""
    for language in ("en", "ru", "en"):
        await get(portal, Accept_Language=language)
    assert len(backend.shared) == 2


async def test_a_client_that_has_it_is_told_so(portal: Portal, backend: Backend) -> None:
    """If-None-Match with the tag of the copy is answered 304 without asking the backend."""
    backend.says = {"ETag": '"v1"'}
    await get(portal)
    status, fields, body = await get(portal, If_None_Match='"v0", W/"v1"')
    assert (status, body, fields["ETag"]) == (304, b"", '"v1"')
    assert len(backend.shared) == 1

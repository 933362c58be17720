"""What is sent a second time, and to whom; real sockets, real nodes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random

import pytest
from aiohttp import web

from tests.conftest import free_port, until
from tests.gateway.proxy.conftest import QUICK, Ends, Handler, forwarding, listening


class Counting:
    """A node that counts what reaches it and then does as it is told."""

    def __init__(self, *answers: int | str) -> None:
        self.asked = 0
        self.answers = answers
        self.over = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.content.read()
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, int):
            return web.Response(status=answer, text=f"answer {self.asked}")
        if answer == "hang up":
            assert request.transport is not None
            request.transport.abort()
        else:
            await self.over.wait()
        return web.Response()


@contextlib.asynccontextmanager
async def two(one: Handler, other: Handler) -> AsyncIterator[Ends]:
    """Two nodes behind a forwarder that has retries to spend; the first is asked first."""
    async with contextlib.AsyncExitStack() as stack:
        ports = [(await stack.enter_async_context(listening(web.Server(handler))))[1] for handler in (one, other)]
        urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
        ends = await stack.enter_async_context(forwarding(urls, QUICK))
        ends.pool.budget.saved, ends.pool.chance = 10.0, lambda: 0.0
        yield ends


@pytest.mark.parametrize("trouble", ["hang up", 502, 503, 504])
async def test_a_read_that_failed_is_asked_of_another_node(trouble: int | str) -> None:
    """A node that breaks off or says that it cannot is left for the other one, and the visitor gets the answer."""
    bad, good = Counting(trouble), Counting(200)
    async with two(bad.handle, good.handle) as ends:
        head, body = await ends.get("/doctors")
    assert (b" 200 " in head, body) == (True, b"answer 1")
    assert (bad.asked, good.asked) == (1, 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_that_failed_is_never_sent_again(method: str) -> None:
    """It may have been done; only the visitor can decide to repeat it."""
    bad, good = Counting("hang up"), Counting(200)
    async with two(bad.handle, good.handle) as ends:
        _, body = await ends.get("/bookings", method, body=b"slot=1")
    assert (body, bad.asked, good.asked) == (b"read", 1, 0)


async def test_a_write_that_was_not_sent_goes_to_another_node() -> None:
    """A node that cannot be connected has seen nothing: its request, body and all, goes to the other one."""
    good = Counting(201)
    async with listening(web.Server(good.handle)) as (_, port):
        gone = f"http://127.0.0.1:{free_port()}"
        async with forwarding((gone, f"http://127.0.0.1:{port}"), QUICK) as ends:
            ends.pool.budget.saved, ends.pool.chance = 10.0, lambda: 0.0
            head, _ = await ends.get("/bookings", "POST", body=b"slot=1")
    assert b" 201 " in head
    assert good.asked == 1


async def test_a_node_that_falls_silent_in_its_answer_is_not_asked_again() -> None:
    """It is slow, and asking once more would make it slower; what the visitor is told is a timeout."""
    asked = []

    async def stalling(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        await response.write(b"half")
        await over.wait()
        return response

    over, good = asyncio.Event(), Counting(200)
    async with two(stalling, good.handle) as ends:
        _, body = await ends.get("/doctors")
        over.set()
    assert (body, len(asked), good.asked) == (b"timeout", 1, 0)


async def test_without_budget_the_failure_is_told() -> None:
    """A spent budget means that the failure is passed on, not that it is repeated."""
    bad, good = Counting("hang up"), Counting(200)
    async with two(bad.handle, good.handle) as ends:
        ends.pool.budget.saved = 0.0
        _, body = await ends.get("/doctors")
    assert (body, good.asked) == (b"read", 0)


async def test_a_refusal_of_both_nodes_is_the_backends_own_answer() -> None:
    """When the second node says 503 too, the visitor gets its answer as it is."""
    one, other = Counting(503), Counting(503)
    async with two(one.handle, other.handle) as ends:
        head, body = await ends.get("/doctors")
    assert (b" 503 " in head, body, one.asked + other.asked) == (True, b"answer 1", 2)


async def test_with_one_node_the_same_is_asked_again() -> None:
    """A single node that breaks one answer off gets the request once more."""
    node = Counting("hang up", 200)
    async with (
        listening(web.Server(node.handle)) as (host, port),
        forwarding((f"http://{host}:{port}",), QUICK) as ends,
    ):
        ends.pool.budget.saved = 10.0
        head, _ = await ends.get("/doctors")
    assert b" 200 " in head
    assert node.asked == 2


async def test_a_storm_of_failures_raises_the_load_by_the_budget_only() -> None:
    """200 reads at nodes that always fail cost them at most a tenth more than 200."""
    one, other = Counting(503), Counting(503)
    async with two(one.handle, other.handle) as ends:
        ends.pool.budget.saved = 0.0
        for _ in range(200):
            await ends.get("/doctors")
    assert 210 <= one.asked + other.asked <= 220


@pytest.mark.parametrize(("method", "told"), [("GET", b"answer 1"), ("POST", b"timeout")])
async def test_reads_at_a_node_that_is_found_dead_go_on_elsewhere(method: str, told: bytes) -> None:
    """A frozen node never answers: once its checks say so, waiting reads go to the other node, writes wait on."""
    frozen, good = Counting("silent"), Counting(200)
    async with two(frozen.handle, good.handle) as ends:
        asking = asyncio.create_task(ends.get("/doctors", method))
        await until(lambda: frozen.asked == 1)
        for _ in range(3):
            ends.pool.note_health(ends.pool.nodes[0].url, good=False)
        _, body = await asking
        frozen.over.set()
    assert body == told
    assert [node.inflight for node in ends.pool.nodes] == [0, 0]


async def test_three_of_ten_failures_raise_the_load_by_a_tenth_at_most() -> None:
    """With 30 % of all answers failing the nodes get at most the budget more, and visitors see fewer failures."""
    chance = Random(1)
    one, other = (Counting(*(503 if chance.random() < 0.3 else 200 for _ in range(600))) for _ in range(2))
    async with two(one.handle, other.handle) as ends:
        ends.pool.chance, ends.pool.budget.saved = chance.random, 0.0
        heads = [(await ends.get("/doctors"))[0] for _ in range(500)]
    assert 540 <= one.asked + other.asked <= 550
    assert sum(b" 200 " in head for head in heads) >= 0.74 * 500

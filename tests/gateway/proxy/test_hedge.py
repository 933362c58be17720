"""A slow read is asked of a second node too, when that is configured; real sockets, real nodes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.conftest import until
from tests.gateway.proxy.conftest import Ends
from tests.gateway.proxy.test_retries import Counting, two


@contextlib.asynccontextmanager
async def hedged(slow: Counting, other: Counting, after: float = 0.05) -> AsyncIterator[Ends]:
    """Two nodes; a safe request without an answer after `after` seconds goes to the other one as well."""
    async with two(slow.handle, other.handle) as ends:
        ends.pool.policy = replace(ends.pool.policy, retries=replace(ends.pool.policy.retries, hedge_after=after))
        try:
            yield ends
        finally:
            slow.over.set()
            other.over.set()


def idle(ends: Ends) -> bool:
    return all(node.inflight == 0 for node in ends.pool.nodes)


async def test_the_faster_of_two_nodes_answers() -> None:
    """The slow one is left, its place is given back, and the time that it took so far counts as its latency."""
    slow, quick = Counting("silent"), Counting(200)
    async with hedged(slow, quick) as ends:
        head, body = await ends.get("/doctors")
        assert (b" 200 " in head, body) == (True, b"answer 1")
        assert idle(ends)
        assert [node.window.answers for node in ends.pool.nodes] == [1, 1]
        assert ends.pool.budget.saved == pytest.approx(9.0)


async def test_a_quick_answer_costs_no_second_request() -> None:
    """Before the time is over nobody else is asked."""
    quick, other = Counting(200), Counting(200)
    async with hedged(quick, other, after=5.0) as ends:
        await ends.get("/doctors")
        assert (quick.asked, other.asked) == (1, 0)


async def test_a_failure_of_the_second_node_leaves_the_first_its_time() -> None:
    """The second one breaks off; the first one's answer, when it comes, is the answer."""
    slow, bad = Counting("silent"), Counting("hang up")
    async with hedged(slow, bad) as ends:
        asking = asyncio.create_task(ends.get("/doctors"))
        await until(lambda: bad.asked == 1)
        slow.over.set()
        head, _ = await asking
        assert b" 200 " in head
        assert idle(ends)


async def test_two_silent_nodes_are_a_timeout() -> None:
    """What the visitor is told is what the first one's silence means; no place stays taken."""
    async with hedged(Counting("silent"), Counting("silent")) as ends:
        _, body = await ends.get("/doctors")
        assert body == b"timeout"
        await until(lambda: idle(ends))


@pytest.mark.parametrize(("method", "saved"), [("POST", 10.0), ("GET", 0.0)])
async def test_writes_and_an_empty_budget_are_never_doubled(method: str, saved: float) -> None:
    """A write might be done twice; without budget a slow backend would be made slower."""
    slow, other = Counting("silent"), Counting(200)
    async with hedged(slow, other) as ends:
        ends.pool.budget.saved = saved
        _, body = await ends.get("/doctors", method)
        assert (body, other.asked) == (b"timeout", 0)
        assert idle(ends)


async def test_a_visitor_who_leaves_ends_both() -> None:
    """Nobody waits for answers that nobody reads."""
    one, other = Counting("silent"), Counting("silent")
    async with hedged(one, other) as ends:
        async with ends.connected() as (_, writer):
            writer.write(b"GET /doctors HTTP/1.1\r\nHost: portal\r\n\r\n")
            await until(lambda: one.asked + other.asked == 2)
        await until(lambda: idle(ends))

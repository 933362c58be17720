"""The queue in front of a pool: first come first served, bounded, and no place is ever lost."""

import asyncio
import contextlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.health import HealthPolicy
from gateway.core.limits.policy import LimitPolicy
from gateway.core.pool_policy import PoolPolicy
from gateway.core.waitline import LinePolicy
from gateway.errors import UpstreamFailed
from gateway.proxy.pool import Pool
from tests.sim.clockwork import others_run, passes, run

ONE = ("http://one",)
TWO = ("http://one", "http://two")


def pool(urls: tuple[str, ...] = ONE, limit: int = 1, max_queue: int = 100, *, fixed: bool = True) -> Pool:
    loop = asyncio.get_running_loop()
    return Pool.build(
        "primary",
        urls,
        PoolPolicy(
            limit=LimitPolicy(initial=limit, minimum=1, algorithm="fixed" if fixed else "gradient"),
            health=HealthPolicy(rise=1, fall=1),
            line=LinePolicy(most=max_queue),
            slow_start=0.0,
        ),
        clock=loop.time,
        chance=Random(1).random,
    )


def test_requests_are_served_in_the_order_of_coming() -> None:
    """With one place, ten requests get it one after the other in their order."""

    async def main() -> list[int]:
        place, served = pool(), []

        async def ask(number: int) -> None:
            node = await place.acquire(60.0)
            served.append(number)
            await passes(1.0)
            place.release(node, "GET /", 1.0)

        await asyncio.gather(*(ask(number) for number in range(10)))
        assert place.nodes[0].inflight == place.waiting == 0
        return served

    assert run(main()) == list(range(10))


def test_nobody_overtakes_the_queue() -> None:
    """Who comes while others wait goes behind them, even when a place has just come free."""

    async def main() -> None:
        place = pool()
        node = await place.acquire(60.0)
        first = asyncio.create_task(place.acquire(60.0))
        await others_run()
        place.release(node, "GET /", 0.1)
        second = asyncio.create_task(place.acquire(60.0))
        await others_run()
        assert (first.done(), second.done()) == (True, False)
        place.release(first.result(), "GET /", 0.1)
        assert (await second).inflight == 1

    run(main())


def test_a_wait_has_an_end() -> None:
    """After the timeout the request is told that the pool is overloaded, and its place in the queue is gone."""

    async def main() -> None:
        place = pool()
        node = await place.acquire(60.0)
        with pytest.raises(UpstreamFailed, match=r"waited 2 s for pool primary") as failure:
            await place.acquire(2.0)
        assert failure.value.kind == "overloaded"
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)
        assert place.waiting == 0
        place.release(node, "GET /", 0.1)
        assert place.nodes[0].inflight == 0

    run(main())


def test_the_queue_is_bounded_and_counts_only_who_still_waits() -> None:
    """Beyond the limit requests are refused at once; visitors who have gone make room, wherever they stood."""

    async def main() -> None:
        place = pool(max_queue=2)
        await place.acquire(60.0)
        head, middle = (asyncio.create_task(place.acquire(60.0)) for _ in range(2))
        await others_run()
        with pytest.raises(UpstreamFailed, match=r"2 requests wait"):
            await place.acquire(60.0)
        middle.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await middle
        late = asyncio.create_task(place.acquire(60.0))
        await others_run()
        assert not late.done()
        assert place.waiting == 2
        for task in (head, late):
            task.cancel()
        await asyncio.gather(head, late, return_exceptions=True)

    run(main())


def test_a_place_given_in_the_moment_of_giving_up_goes_on() -> None:
    """When a visitor leaves just as its place comes, the place is not lost: the next one has it at once."""

    async def main() -> None:
        place = pool()
        node = await place.acquire(60.0)
        leaver, patient = (asyncio.create_task(place.acquire(60.0)) for _ in range(2))
        await others_run()
        place.release(node, "GET /", 0.1)
        leaver.cancel()
        await others_run()
        assert (await asyncio.wait_for(patient, 0.001)).inflight == 1
        assert leaver.cancelled()

    run(main())


def test_without_a_healthy_node_nobody_waits() -> None:
    """A pool whose nodes are down fails at once as unreachable; when one is back the queue moves on."""

    async def main() -> None:
        place = pool(TWO)
        for url in TWO:
            assert place.note_health(url, good=False) is False
        with pytest.raises(UpstreamFailed, match="no healthy node") as failure:
            await place.acquire(60.0)
        assert failure.value.kind == "connect"
        assert place.reading().healthy is False
        assert place.note_health(TWO[0], good=True) is True
        assert (await place.acquire(60.0)).url == TWO[0]
        waiting = asyncio.create_task(place.acquire(60.0))
        await others_run()
        place.note_health(TWO[1], good=True)
        assert (await waiting).url == TWO[1]

    run(main())


def test_the_limit_learns_from_what_requests_show() -> None:
    """A node that answers slower the more it has keeps a limit near its workers; an even one gets more."""

    async def main() -> tuple[float, float]:
        limits = []
        for workers in (4, 1000):
            place = pool(limit=10, fixed=False)
            busy = 0

            async def ask(place: Pool = place, workers: int = workers) -> None:
                nonlocal busy
                while True:
                    node = await place.acquire(60.0)
                    busy += 1
                    latency = 0.1 * max(1.0, busy / workers)
                    await passes(latency)
                    busy -= 1
                    place.release(node, "GET /", latency)

            tasks = [asyncio.create_task(ask()) for _ in range(2)]
            for turn in range(300):
                if turn == 150:
                    tasks += [asyncio.create_task(ask()) for _ in range(58)]
                await passes(0.1)
                place.measure()
            limits.append(place.nodes[0].limit.limit)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return limits[0], limits[1]

    crowded, even = run(main())
    assert 4 <= crowded <= 14
    assert even >= 40


def test_the_reading_tells_what_admission_needs() -> None:
    """Open and waiting requests, the limit, the wait of the head and the rate are in the reading."""

    async def main() -> None:
        place = pool(limit=2)
        nodes = [await place.acquire(60.0) for _ in range(2)]
        waiting = asyncio.create_task(place.acquire(60.0))
        for _ in range(100):
            await passes(0.1)
            place.measure()
        reading = place.reading()
        assert (reading.inflight, reading.queued) == (pytest.approx(2.0, abs=0.01), pytest.approx(1.0, abs=0.01))
        assert (reading.limit, reading.healthy) == (2.0, True)
        assert reading.queue_wait == pytest.approx(10.0, abs=0.2)
        place.release(nodes[0], "GET /", 0.1)
        place.release(await waiting, "GET /", None)
        await passes(1.0)
        place.measure()
        described = place.describe()[0]
        # One answer and one failure since a window began, which is one to two seconds ago.
        assert 0.5 <= described["requests_per_s"] == described["errors_per_s"] <= 1.0

    run(main())


deeds = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "answer", "fail", "leave", "down", "up", "time"]), st.integers(0, 30)),
    max_size=60,
)


@given(deeds, st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_no_story_leaks_a_place(story: list[tuple[str, int]], limit: int) -> None:
    """However requests come, are answered, fail and leave: never more than the limit at a node, and none in the end."""

    async def main() -> None:
        place, tasks, held = pool(TWO, limit=limit), [], []

        async def ask() -> None:
            held.append(await place.acquire(5.0))

        for deed, number in story:
            if deed == "ask":
                tasks.append(asyncio.create_task(ask()))
            elif deed in ("answer", "fail") and held:
                place.release(held.pop(number % len(held)), "GET /", 0.1 if deed == "answer" else None)
            elif deed == "leave" and tasks:
                tasks[number % len(tasks)].cancel()
            elif deed in ("down", "up"):
                place.note_health(TWO[number % 2], good=deed == "up")
            elif deed == "time":
                await passes(number / 5)
                place.measure()
            if number % 3:
                await others_run()
            assert all(0 <= node.inflight <= limit for node in place.nodes)
        await others_run()
        while held or any(not task.done() for task in tasks):
            while held:
                place.release(held.pop(), "GET /", 0.1)
            await passes(0.5)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(r is None or isinstance(r, UpstreamFailed | asyncio.CancelledError) for r in results)
        while held:
            place.release(held.pop(), "GET /", 0.1)
        assert [node.inflight for node in place.nodes] == [0, 0]
        assert place.waiting == 0

    run(main())

"""Which nodes of a pool are in use: drained, ejected, back again; and whose turn it is in front of them."""

import asyncio
from collections import Counter
from random import Random

import pytest

from gateway.core.health import HealthPolicy
from gateway.core.limits.policy import LimitPolicy
from gateway.core.need import Need
from gateway.core.pool_policy import PoolPolicy
from gateway.core.waitline import LinePolicy
from gateway.errors import UpstreamFailed
from gateway.proxy.pool import Pool
from tests.sim.clockwork import others_run, passes, run

URLS = ("http://one", "http://two")


def pool(
    urls: tuple[str, ...] = URLS, limit: int = 10, slow_start: float = 0.0, weights: dict[str, float] | None = None
) -> Pool:
    policy = PoolPolicy(
        limit=LimitPolicy(initial=limit, minimum=1, algorithm="fixed"),
        health=HealthPolicy(rise=1, fall=1),
        line=LinePolicy(shed_after=0.4, shed_standing=0.15),
        slow_start=slow_start,
    )
    clock = asyncio.get_running_loop().time
    return Pool.build("primary", urls, policy, clock=clock, chance=Random(1).random, weights=weights)


async def serve(place: Pool, count: int, seconds: float = 0.1, need: Need | None = None) -> "Counter[str]":
    """Send requests one after the other; returns how many each node got."""
    got: Counter[str] = Counter()
    for _ in range(count):
        node = await place.acquire(60.0, need)
        got[node.url] += 1
        await passes(seconds)
        place.release(node, "GET /", seconds, need)
    return got


def test_a_drained_node_gets_nothing_new_until_it_is_enabled() -> None:
    """New requests go to the other node while the drained one finishes what it has; enabled it starts slowly."""

    async def main() -> None:
        place = pool(slow_start=10.0)
        assert place.drain(URLS[0], True)
        assert not place.drain(URLS[0], True)
        assert {(await place.acquire(1.0)).url for _ in range(5)} == {URLS[1]}
        assert [node["state"] for node in place.describe()] == ["draining", "up"]
        assert place.drain(URLS[0], False)
        assert place.nodes[0].room(place.clock()) == 2.0
        await passes(10.0)
        assert place.nodes[0].room(place.clock()) == 10.0

    run(main())


def test_a_pool_that_is_drained_whole_says_so() -> None:
    """With every node drained there is nobody to wait for."""

    async def main() -> None:
        place = pool()
        for url in URLS:
            place.drain(url, True)
        with pytest.raises(UpstreamFailed, match="no healthy node"):
            await place.acquire(1.0)
        assert not place.reading().healthy

    run(main())


def test_a_node_that_fails_fast_is_ejected_and_comes_back_slowly() -> None:
    """Five errors in a row take it out at the next measurement, before its health path says anything."""

    async def main() -> None:
        place = pool(slow_start=10.0)
        await serve(place, 40)
        for _ in range(5):
            node = place.nodes[0]
            node.begin(1.0)
            place.release(node, "GET /", None)
        assert place.measure() == {URLS[0]: False}
        assert place.describe()[0]["state"] == "ejected"
        assert set(await serve(place, 20)) == {URLS[1]}
        await passes(4.0)
        assert place.measure() == {URLS[0]: True}
        assert place.nodes[0].room(place.clock()) == 2.0

    run(main())


def test_heavier_nodes_get_more() -> None:
    """With weights of 3 and 1 and some requests open, three of four go to the heavier node."""

    async def main() -> None:
        place = pool(limit=100, weights={URLS[0]: 3.0})
        for _ in range(80):
            await place.acquire(1.0)
        assert [node.inflight for node in place.nodes] == [pytest.approx(60, abs=3), pytest.approx(20, abs=3)]

    run(main())


def test_a_node_to_avoid_is_taken_only_when_it_is_the_only_one() -> None:
    """A retry goes elsewhere if there is an elsewhere."""

    async def main() -> None:
        place = pool()
        assert {(await place.acquire(1.0, None, [URLS[0]])).url for _ in range(5)} == {URLS[1]}
        place.note_health(URLS[1], good=False)
        assert (await place.acquire(1.0, None, [URLS[0]])).url == URLS[0]

    run(main())


def test_costly_requests_take_more_places() -> None:
    """Of ten places two requests of cost 4 leave two; one of cost 40 goes alone."""

    async def main() -> None:
        place = pool(URLS[:1])
        big, huge = Need(cost=4.0), Need(cost=40.0)
        nodes = [await place.acquire(1.0, big) for _ in range(2)]
        await place.acquire(1.0)
        await place.acquire(1.0)
        third = asyncio.create_task(place.acquire(60.0, big))
        await others_run()
        assert not third.done()
        assert place.nodes[0].inflight == 10.0
        place.release(nodes[0], "GET /", 0.1, big)
        await third
        for node, need in [(nodes[1], big), (third.result(), big), (nodes[0], None), (nodes[0], None)]:
            place.release(node, "GET /", 0.1, need)
        assert (await place.acquire(1.0, huge)).inflight == 40.0

    run(main())


def test_the_urgent_pass_those_who_wait() -> None:
    """Of those in the line the higher priority gets the next place, whenever it came."""

    async def main() -> list[str]:
        place, served = pool(URLS[:1], limit=1), []

        async def ask(name: str, priority: int) -> None:
            need = Need(priority=priority)
            node = await place.acquire(60.0, need)
            served.append(name)
            await passes(1.0)
            place.release(node, "GET /", 1.0, need)

        names = [("first", 0), ("plain", 0), ("urgent", 5), ("late", -1), ("urgent too", 5)]
        await asyncio.gather(*(ask(*one) for one in names))
        return served

    assert run(main()) == ["first", "urgent", "urgent too", "plain", "late"]


def test_too_many_are_refused_at_the_door_and_the_promised_wait() -> None:
    """At three times what the node takes two of three are refused at once, and nobody in the line is late."""

    async def main() -> None:
        place = pool(URLS[:1], limit=10)
        waits: list[float] = []
        refused = served = 0

        async def ask(need: Need) -> None:
            nonlocal refused, served
            came = place.clock()
            try:
                node = await place.acquire(15.0, need)
            except UpstreamFailed:
                refused += 1
                assert place.clock() == came
                return
            waits.append(place.clock() - came)
            served += 1
            await passes(0.1)
            place.release(node, "GET /", 0.1, need)

        tasks = []
        for _ in range(3000):
            tasks.append(asyncio.create_task(ask(Need(sheddable=True))))
            await passes(1 / 300)
            if len(tasks) % 30 == 0:
                place.measure()
        promised = [asyncio.create_task(ask(Need())) for _ in range(50)]
        await asyncio.gather(*tasks, *promised)
        assert refused == pytest.approx(2000, rel=0.05)
        assert served == pytest.approx(1050, rel=0.05)
        assert max(waits[:900]) <= 0.6
        assert max(waits[300:900]) <= 0.25
        assert all(task.exception() is None for task in promised)

    run(main())


def test_a_session_stays_with_its_node() -> None:
    """The same node each time, half as much again as its limit; another one when it is down, and back again."""

    async def main() -> None:
        place, mine = pool(limit=4), Need(session=b"abc")
        own = (await place.acquire(1.0, mine)).url
        got = [(await place.acquire(1.0, mine)).url for _ in range(8)]
        assert got[:6] == [own] * 6
        assert set(got[6:]) == {url for url in URLS if url != own}
        place.note_health(own, good=False)
        assert (await place.acquire(1.0, mine)).url != own
        place.note_health(own, good=True)
        for _ in range(7):
            place.release(next(node for node in place.nodes if node.url == own), "GET /", 0.1, mine)
        assert (await place.acquire(1.0, mine)).url == own

    run(main())

"""Two gateways around one Redis: one calls, both let in, and the death of the leader is not felt."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest

from tests.integration.order import let_in
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import Child, run, wait_for
from tests.integration.visitor import Visitor

pytestmark = pytest.mark.integration

RATE = 15.0
BURST = 1.0
"""Seconds of the rate that may be called at once, as the pacer allows."""
TAKEOVER = 2.0


@pytest.fixture
def pair(portal: Portal, redis: Child) -> list[Gateway]:
    portal.start_backend("--workers", 4, "--service-time", "10ms")
    keys = str(portal.folder / "shared.keys")
    shared = {"store": f"unix://{portal.folder / 'redis.sock'}", "secrets_file": keys}
    configs = [portal.config(name, data_dir=str(portal.folder / name), **shared) for name in ("a", "b")]
    return portal.start_gateways(*configs)


def calls(gateway: Gateway) -> int:
    return int(gateway.room()["calls"])


def leaders(pair: Sequence[Gateway]) -> list[bool]:
    return [bool(gateway.room()["leader"]) for gateway in pair]


def test_another_gateway_calls_when_the_leader_is_killed(pair: list[Gateway]) -> None:
    """kill -9 of the leader: the other one calls within two seconds, and all calls together keep to the rate."""
    wait_for(lambda: sum(leaders(pair)) == 1, 5.0, "exactly one leads")
    leader, other = sorted(pair, key=lambda gateway: not gateway.room()["leader"])
    other.control("pause", sisters=[leader])
    crowd = [Visitor(gateway.visitors) for gateway in islice(cycle(pair), 60)]
    places = [visitor.queue()["number"] for visitor in crowd]
    assert places == list(range(1, 61)), "both hand out numbers of one queue"

    before, started = calls(other), time.monotonic()
    other.control("rate", RATE)
    wait_for(lambda: calls(other) >= before + 10, 10.0, "the leader calls")
    leader.child.kill()
    took = wait_for(lambda: leaders([other]) == [True], 10.0, "the other one leads")
    seen = calls(other)
    took += wait_for(lambda: calls(other) > seen, 10.0, "the other one calls")
    assert took < TAKEOVER
    for visitor in crowd:
        visitor.address = other.visitors
    wait_for(lambda: calls(other) >= before + 50, 20.0, "calls go on")
    elapsed, called = time.monotonic() - started, calls(other) - before
    assert called <= RATE * (elapsed + 2 * BURST) + 1, "a new leader may hold a burst of its own"
    assert called >= RATE * (elapsed - TAKEOVER) - 1


def test_one_ticket_gives_one_pass_at_whatever_gateway_it_is_shown(pair: list[Gateway]) -> None:
    """The same ticket, claimed many times at once at both gateways, is admitted once and names one visit."""
    pair[0].control("pause", sisters=pair[1:])
    holders = pair[0].crowd(4)
    tickets = [holder.cookies["talon_ticket"] for holder in holders]
    pair[1].control("rate", 50.0)
    wait_for(lambda: all(g.room()["serving"]["regular"] == 4 for g in pair), 5.0, "all four are called")
    copies = [Visitor(g.visitors, {"talon_ticket": t}) for t in tickets for g in pair for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda copy: copy.ask().status, copies))
    assert set(statuses) == {200}
    assert len({copy.cookies["talon_pass"] for copy in copies}) == 4
    wait_for(lambda: all(g.room()["claims"] == 4 for g in pair), 5.0, "the counters agree")
    assert pair[0].room()["calls"] == 4


def test_a_gateway_that_stops_hands_the_lead_over_at_once(pair: list[Gateway]) -> None:
    """SIGTERM of the leader gives the lease back, so the other one leads before it would have run out."""
    wait_for(lambda: sum(leaders(pair)) == 1, 5.0, "exactly one leads")
    leader, other = sorted(pair, key=lambda gateway: not gateway.room()["leader"])
    leader.child.process.terminate()
    assert leader.child.ends() == 0
    assert wait_for(lambda: leaders([other]) == [True], 5.0, "the other one leads") < 1.0


def test_a_store_that_lost_everything_is_opened_again(portal: Portal, pair: list[Gateway], redis: Child) -> None:
    """Redis without a file is flushed: the room goes on with its epoch and numbers, so every ticket is still good."""
    pair[0].control("pause", sisters=pair[1:])
    crowd = pair[0].crowd(5)
    wait_for(lambda: all(g.room()["issued"] == {"regular": 5} for g in pair), 5.0, "both know all tickets")
    epoch = pair[0].room()["epoch"]
    tickets = [visitor.cookies["talon_ticket"] for visitor in crowd]
    done = run("redis-cli", "-s", portal.folder / "redis.sock", "flushall")
    assert done.out.strip() == "OK", done
    wait_for(lambda: pair[0].room()["reason"] != "paused", 5.0, "the pause is lost with the store")
    room = pair[0].room()
    assert (room["epoch"], room["issued"]) == (epoch, {"regular": 5})
    let_in(crowd)
    assert all("talon_ticket" not in visitor.cookies for visitor in crowd)
    assert len(set(tickets)) == 5
    assert pair[0].room()["issued"] == {"regular": 5}, "nobody had to queue anew"

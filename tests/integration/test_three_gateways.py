"""Three gateways around one store: the leader is killed or frozen, and calling goes on in order without repetition."""

import signal
from collections.abc import Iterator

import pytest

from tests.integration.order import in_order, let_in
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import wait_for
from tests.integration.visitor import Visitor

pytestmark = pytest.mark.integration

RATE = 15.0
CROWD = 60
TAKEOVER = 2.0


@pytest.fixture
def three(portal: Portal, redis_binary: str) -> Iterator[list[Gateway]]:
    """Gateways that have agreed on a leader and let nobody in until the test says otherwise."""
    socket = portal.folder / "redis.sock"
    options = ("--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "no")
    portal.children.start("redis", redis_binary, *options)
    wait_for(socket.exists, 10.0, "redis-server listens")
    portal.start_backend("--workers", 4, "--service-time", "10ms")
    shared = {"store": f"unix://{socket}", "secrets_file": str(portal.folder / "shared.keys")}
    configs = [portal.config(name, data_dir=str(portal.folder / name), **shared) for name in ("a", "b", "c")]
    gateways = portal.start_gateways(*configs)
    wait_for(lambda: sum(leads(gateway) for gateway in gateways) == 1, 5.0, "exactly one leads")
    gateways[0].control("pause")
    wait_for(lambda: all(g.room()["reason"] == "paused" for g in gateways), 5.0, "all have heard of the pause")
    yield gateways
    for gateway in gateways:
        if gateway.child.process.poll() is None:
            gateway.child.signal(signal.SIGCONT)


def leads(gateway: Gateway) -> bool:
    return bool(gateway.room()["leader"])


def split(gateways: list[Gateway]) -> tuple[Gateway, list[Gateway]]:
    leader = next(gateway for gateway in gateways if leads(gateway))
    return leader, [gateway for gateway in gateways if gateway is not leader]


def queue_up(gateways: list[Gateway]) -> list[Visitor]:
    """A crowd that came in turn to one gateway after the other; returns it in the order of its numbers."""
    crowd = [Visitor(gateways[index % len(gateways)].visitors) for index in range(CROWD)]
    assert [visitor.queue()["number"] for visitor in crowd] == list(range(1, CROWD + 1)), "one queue for all"
    return crowd


def calls(gateway: Gateway) -> int:
    return int(gateway.room()["calls"])


def called_elsewhere(others: list[Gateway]) -> float:
    """Seconds until one of the others leads and has called somebody."""
    before = calls(others[0])
    took = wait_for(lambda: any(leads(gateway) for gateway in others), 10.0, "another one leads")
    return took + wait_for(lambda: calls(others[0]) > before, 10.0, "another one calls")


def all_are_in_once_and_in_order(crowd: list[Visitor], gateways: list[Gateway], before: int) -> None:
    """Everybody asks at one gateway: what two of them know of the counters differs by a tick."""
    for visitor in crowd:
        visitor.address = gateways[-1].visitors
    assert in_order(let_in(crowd, 40.0)), "nobody was let in before somebody who had come earlier"
    wait_for(lambda: all(g.room()["claims"] == CROWD for g in gateways), 5.0, "the counters agree")
    for gateway in gateways:
        room = gateway.room()
        assert (room["serving"]["regular"], room["issued"]["regular"]) == (CROWD, CROWD), "nobody is left behind"
        assert room["calls"] - before == CROWD, "nobody was called twice, nobody skipped"


def test_the_leader_is_killed(three: list[Gateway]) -> None:
    """kill -9 of the leader: one of the two others calls within two seconds, each place once and in order."""
    crowd = queue_up(three)
    leader, others = split(three)
    before = calls(others[0])
    others[0].control("rate", RATE)
    wait_for(lambda: calls(others[0]) >= before + 10, 10.0, "the leader calls")
    leader.child.kill()
    assert called_elsewhere(others) < TAKEOVER
    all_are_in_once_and_in_order(crowd, others, before)


def test_the_leader_is_frozen_and_goes_on(three: list[Gateway]) -> None:
    """SIGSTOP of the leader: another calls within two seconds; thawed, the old one calls nobody by its old view."""
    crowd = queue_up(three)
    leader, others = split(three)
    before = calls(others[0])
    others[0].control("rate", RATE)
    wait_for(lambda: calls(others[0]) >= before + 10, 10.0, "the leader calls")
    leader.child.signal(signal.SIGSTOP)
    assert called_elsewhere(others) < TAKEOVER
    wait_for(lambda: calls(others[0]) >= before + 30, 10.0, "the new leader goes on")
    leader.child.signal(signal.SIGCONT)
    wait_for(lambda: not leads(leader), 5.0, "the old one has seen that it leads no more")
    assert sum(leads(gateway) for gateway in three) == 1
    all_are_in_once_and_in_order(crowd, [leader, *others], before)

"""The gateway is killed, or told to stop: places survive, open requests are answered, nothing is left."""

import signal
import threading

import pytest

from tests.integration.order import in_order, let_in, places
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import gone, wait_for
from tests.integration.visitor import Answer, Visitor

pytestmark = pytest.mark.integration


def test_a_killed_gateway_takes_nobodys_place(portal: Portal) -> None:
    """kill -9 of the gateway: started again at once on the same files it knows tickets, passes and their order."""
    portal.start_backend("--workers", 2, "--service-time", "20ms")
    first = portal.start_gateway()
    first.control("rate", 50.0)
    admitted = first.inside(2)
    first.control("pause")
    crowd = first.crowd(8)
    before = places(crowd)
    family = first.child.family()
    first.child.kill()

    second = portal.start_gateway()
    for visitor in [*admitted, *crowd]:
        visitor.address = second.visitors
    assert {visitor.ask().status for visitor in admitted} == {200}, "a pass is good without any memory"
    assert second.room()["reason"] == "paused", "the operator's setting is kept too"
    assert places(crowd) == before
    second.control("rate", 10.0)
    assert in_order(let_in(crowd))

    family += second.child.family()
    second.child.signal(signal.SIGTERM)
    assert second.child.ends() == 0
    wait_for(lambda: gone(family), 10.0, "no store is left behind")


def test_the_store_does_not_outlive_a_killed_gateway(portal: Portal) -> None:
    """When the gateway is killed and nobody starts it again, its store writes its files and ends."""
    portal.start_backend()
    gateway = portal.start_gateway()
    family = gateway.child.family()
    assert len(family) > 1
    gateway.child.kill()
    wait_for(lambda: gone(family), 10.0, "the store has ended")


@pytest.fixture
def slow(portal: Portal) -> Gateway:
    portal.start_backend("--workers", 1, "--service-time", "1s")
    return portal.start_gateway()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_before_the_end(slow: Gateway, number: int) -> None:
    """SIGTERM or Ctrl-C drains: the slow answer arrives whole, new connections are refused, the exit code is 0."""
    slow.control("rate", 50.0)
    visitor, answers = Visitor(slow.visitors), list[Answer]()
    visitor.get_in()
    asking = threading.Thread(target=lambda: answers.append(visitor.ask("/doctors/1/slots")))
    asking.start()
    wait_for(lambda: slow.api("pools")["pools"][0]["nodes"][0]["inflight"] == 1, 5.0, "the request is in flight")
    family = slow.child.family()
    slow.child.signal(number)
    wait_for(lambda: "draining" in slow.child.err, 5.0, "the gateway says that it drains")
    with pytest.raises(ConnectionRefusedError):
        Visitor(slow.visitors).ask()
    asking.join(10.0)
    assert [answer.status for answer in answers] == [200]
    assert answers[0].json()["slots"]
    assert slow.child.ends() == 0
    assert gone(family)
    assert "Traceback" not in slow.child.err

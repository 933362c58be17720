"""The failure table's lines about nodes, with real processes: killed, frozen, breaking off, failing, slow, all gone."""

import http.client
import signal
import sys
import threading
import time
from collections import Counter

import pytest

from tests.conftest import free_port
from tests.integration.order import in_order, let_in, places
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import Child, wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration
HEALTH = {"interval": "200ms", "timeout": "300ms", "rise": 1, "fall": 2}


class Nodes:
    """Two nodes behind a gateway without a room, and a crowd that reads all the time."""

    def __init__(self, portal: Portal) -> None:
        self.children: list[Child] = []
        self.ports = [free_port(), free_port()]
        self.portal = portal
        for number in (0, 1):
            self.start(number)
        portal.backends += [f"http://127.0.0.1:{port}" for port in self.ports]
        pools = {
            "primary": {"nodes": portal.backends, "health": HEALTH, "slow_start": "1s", "outliers": {"base": "4s"}}
        }
        proxy = {"read_timeout": "3s", "connect_timeout": "1s"}
        self.gateway = portal.start_gateway(portal.config(pools=pools, rooms={}, proxy=proxy))
        self.answers: Counter[int] = Counter()
        self.longest = 0.0

    def start(self, number: int) -> None:
        command = (sys.executable, "-m", "tests.integration.faulty_node", self.ports[number])
        child = self.portal.children.start(f"node{number}", *command, environ={"PYTHONPATH": ":".join(sys.path)})
        child.announces("ready")
        self.children[number:] = [child, *self.children[number + 1 :]]

    def mode(self, number: int, mode: str) -> None:
        connection = f"127.0.0.1:{self.ports[number]}"
        client = http.client.HTTPConnection(connection, timeout=5)
        client.request("POST", "/_mode", body=mode)
        client.getresponse().read()
        client.close()

    def state(self, number: int) -> str:
        return str(self.gateway.api("pools")["pools"][0]["nodes"][number]["state"])

    def read(self, count: int, method: str = "GET") -> "Counter[int]":
        """Let eight readers ask `count` times in all; returns the statuses, 0 for a broken connection."""
        answers: Counter[int] = Counter()
        lock = threading.Lock()

        def go() -> None:
            for _ in range(count // 8):
                began = time.monotonic()
                try:
                    status = ask(self.gateway.visitors, "/doctors", method).status
                except OSError:
                    status = 0
                except Exception:  # noqa: BLE001 - half an answer is whatever the client makes of it
                    status = 0
                with lock:
                    answers[status] += 1
                    self.longest = max(self.longest, time.monotonic() - began)

        threads = [threading.Thread(target=go) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        return answers


@pytest.fixture
def nodes(portal: Portal) -> Nodes:
    """Two nodes that work, and a gateway that has learned a little of them and saved retries."""
    made = Nodes(portal)
    assert made.read(160) == {200: 160}
    return made


def test_a_node_is_killed(nodes: Nodes) -> None:
    """kill -9 in the middle of reading: nobody who reads sees it, and when it is back it is used again."""
    killing = threading.Timer(0.2, nodes.children[0].kill)
    killing.start()
    answers = nodes.read(400)
    killing.join()
    assert answers[200] >= 396, answers
    wait_for(lambda: nodes.state(0) == "down", 5.0, "the dead node is known")
    assert nodes.read(80) == {200: 80}
    nodes.start(0)
    wait_for(lambda: nodes.state(0) == "up", 5.0, "the node is back")
    nodes.mode(0, "ok")
    assert nodes.read(160) == {200: 160}
    assert int(ask(f"127.0.0.1:{nodes.ports[0]}", "/_asked").body) > 10


def test_a_node_is_frozen(nodes: Nodes) -> None:
    """SIGSTOP: it accepts and never answers; within the checks that it takes, reads that wait there go on elsewhere."""
    nodes.children[0].signal(signal.SIGSTOP)
    try:
        answers = nodes.read(160)
        assert nodes.state(0) == "down"
        assert answers[200] >= 156, answers
        assert nodes.longest < 2.5, "longer than the checks need, and no read timeout"
    finally:
        nodes.children[0].signal(signal.SIGCONT)
    wait_for(lambda: nodes.state(0) == "up", 5.0, "the node is back")


def test_a_node_fails_fast_and_is_well_by_its_health_path(nodes: Nodes) -> None:
    """500 at once, faster than the other one answers: it is ejected instead of drawing the crowd, and comes back."""
    nodes.mode(0, "error")
    nodes.read(80)
    wait_for(lambda: '"node_ejected"' in nodes.gateway.child.err, 5.0, "the node is ejected")
    answers = nodes.read(160)
    assert answers[200] >= 0.85 * answers.total(), answers
    nodes.mode(0, "ok")
    wait_for(lambda: nodes.state(0) == "up", 20.0, "the node is tried again")
    assert nodes.read(160) == {200: 160}


@pytest.mark.parametrize("mode", ["hang up", "half"])
def test_a_node_breaks_its_answers_off(nodes: Nodes, mode: str) -> None:
    """Before the first byte a read goes elsewhere; after it the visitor's connection is broken, never a whole half."""
    nodes.mode(0, mode)
    answers = nodes.read(160)
    assert set(answers) <= {200, 0, 502}, answers
    assert answers[200] >= 80
    if mode == "hang up":
        assert answers[200] >= 0.9 * answers.total(), answers
    nodes.mode(0, "ok")
    wait_for(lambda: nodes.state(0) == "up", 20.0, "the node is in use")
    assert nodes.read(80) == {200: 80}


def test_a_node_becomes_slow(nodes: Nodes) -> None:
    """Fifty times as slow: its limit falls, the other takes over, and nothing collapses."""
    nodes.mode(0, "slow")
    answers = nodes.read(120)
    assert set(answers) == {200}, answers
    asked = int(ask(f"127.0.0.1:{nodes.ports[0]}", "/_asked").body)
    assert asked < 0.5 * answers.total(), asked


def test_all_nodes_are_gone_and_come_back(portal: Portal) -> None:
    """The room pauses and says so, every place is kept, and goes on when one is back."""
    portal.start_backend("--workers", 2, "--service-time", "20ms")
    gateway = portal.start_gateway()
    gateway.control("pause")
    crowd = gateway.crowd(5)
    before = places(crowd)
    portal.children.named("backend").kill()
    wait_for(lambda: not gateway.nodes_up(), 5.0, "the dead node is known")
    gateway_resumes(gateway)
    late = Visitor(gateway.visitors)
    wait_for(lambda: not gateway.nodes_up() and gateway.room()["reason"] == "paused", 5.0, "the room pauses")
    answer = late.ask()
    assert (answer.status, answer.json()["code"]) == (503, "paused")
    address = portal.backends[0].removeprefix("http://")
    portal.children.talon("backend", "backend", "--listen", address, "--workers", 2, "--service-time", "20ms")
    wait_for(gateway.nodes_up, 10.0, "the node is back")
    assert [number for number, _ in before] == [1, 2, 3, 4, 5]
    assert in_order(let_in([*crowd, late]))


def gateway_resumes(gateway: Gateway) -> None:
    """End the operator's pause."""
    body = {"action": "resume", "author": "test", "reason": "over"}
    assert ask(gateway.admin, "/api/rooms/booking", "POST", body).status == 200

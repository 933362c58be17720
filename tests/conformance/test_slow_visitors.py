"""Visitors who are slow keep no place at a node: places are for work, not for waiting for somebody."""

import contextlib

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import Line, Message, Node, ask, connected, read_body
from tests.integration.portal import Portal, announced
from tests.integration.processes import wait_for

pytestmark = pytest.mark.integration
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000


@pytest.fixture(scope="module")
def one_narrow(ground: Portal, one_node: Node) -> Proxy:
    pool = {"nodes": [f"http://{one_node.address}"], "outliers": {"consecutive": 0}}
    config = ground.config(
        "narrow",
        pools={"primary": {**pool, "limit": {"algorithm": "fixed", "initial": 2}}},
        rooms={},
        data_dir=str(ground.folder / "narrow"),
    )
    gateway = announced(ground.children.talon("narrow", "serve", "--config", config))
    wait_for(gateway.nodes_up, 10.0, "the node is up")
    return Proxy("talon", gateway.visitors)


def script(line: Line, message: Message) -> None:
    """Read what comes; large answers for those who ask for them."""
    read_body(line, message)
    line.send(LARGE if b"/large" in message.first else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nx",
        b"POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nx",
        b"POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_others_are_served_while_some_are_slow(one_narrow: Proxy, node: Node, begun: bytes) -> None:
    """Six who send or read slowly at a node with two places: the seventh is answered."""
    node.plays(script)
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(connected(one_narrow.address)).send(begun)
        wait_for(lambda: ask(one_narrow.address).status == 200, 8.0, "the others' places are free")
        assert [ask(one_narrow.address).status for _ in range(3)] == [200] * 3
    wait_for(lambda: ask(one_narrow.address).status == 200, 5.0, "all is as before")

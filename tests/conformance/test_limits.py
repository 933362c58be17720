"""Limits of visitors' connections: each has a clear answer or a clean end, and others notice nothing."""

import socket
import threading
import time

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import OK, Line, Message, Node, ask, connected, read_body
from tests.integration.portal import Portal, announced
from tests.integration.processes import wait_for

pytestmark = pytest.mark.integration
QUICK = {
    "head_timeout": "400ms",
    "idle_timeout": "700ms",
    "body_timeout": "400ms",
    "send_timeout": "400ms",
    "slowest": 1_000_000,
    "request_timeout": "3s",
    "per_address": 30,
}


@pytest.fixture(scope="module")
def one_strict(ground: Portal, one_node: Node) -> Proxy:
    config = ground.config(
        "strict",
        pools={"primary": {"nodes": [f"http://{one_node.address}"], "outliers": {"consecutive": 0}}},
        rooms={},
        classes=[{"name": "photo", "paths": ["/photo"], "max_body": 5000}],
        proxy={"max_body": 1000},
        connections=QUICK,
        data_dir=str(ground.folder / "strict"),
    )
    gateway = announced(ground.children.talon("strict", "serve", "--config", config))
    wait_for(gateway.nodes_up, 10.0, "the node is up")
    return Proxy("talon", gateway.visitors)


@pytest.fixture
def strict(one_strict: Proxy, node: Node) -> str:
    """The address of a Talon with tight limits."""
    return one_strict.address


def slowly(visitor: Line, data: bytes, pause: float = 0.1) -> float:
    """Send byte by byte until the other side has had enough; returns the seconds that it took."""
    started = time.monotonic()
    visitor.sock.settimeout(pause)
    for byte in data:
        try:
            visitor.send(bytes([byte]))
            if not visitor.sock.recv(1, socket.MSG_PEEK):
                break
            break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    visitor.sock.settimeout(10)
    return time.monotonic() - started


def test_a_slow_head_is_a_408(strict: str) -> None:
    """However many bytes trickle in, a head must be there in time."""
    with connected(strict) as visitor:
        took = slowly(visitor, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"x" * 100)
        assert visitor.answer().status == 408
        assert visitor.ended()
    assert 0.3 < took < 2.5


def test_a_second_head_has_the_same_time(strict: str) -> None:
    """The time begins with its first byte, not with the connection."""
    with connected(strict) as visitor:
        for _ in range(3):
            visitor.send(b"GET / HTTP/1.1\r\n")
            assert visitor.is_silent(0.15)
            visitor.send(b"Host: x\r\n\r\n")
            assert visitor.answer().status == 200
        slowly(visitor, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"x" * 100)
        assert visitor.answer().status == 408


def test_who_says_nothing_is_let_go(strict: str) -> None:
    """A connection without a request, and one between two requests, end without a word."""
    with connected(strict) as visitor:
        assert visitor.rest() == b""
    with connected(strict) as visitor:
        visitor.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert visitor.answer().status == 200
        assert visitor.rest() == b""


def test_a_slow_body_is_a_408(strict: str, node: Node) -> None:
    """A body that trickles is given up, and the node never sees a whole request."""
    node.plays(lambda line, message: [read_body(line, message), line.send(OK)][1])
    with connected(strict) as visitor:
        visitor.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n")
        took = slowly(visitor, b"x" * 100)
        assert visitor.answer().status == 408
    assert 0.3 < took < 2.5
    assert node.ended.wait(5)


def test_a_reader_who_does_not_read_is_cut_off(strict: str, node: Node) -> None:
    """A visitor who lets the answer lie does not hold the node's connection for ever."""
    gone = threading.Event()

    def script(line: Line, message: Message) -> None:
        try:
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100_000_000)
        except OSError:
            gone.set()
            raise

    node.plays(script)
    with connected(strict) as visitor:
        visitor.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert gone.wait(8)


def test_a_request_has_a_longest_time(strict: str, node: Node) -> None:
    """A stream that never ends is ended."""

    def script(line: Line, message: Message) -> None:
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not line.sock.settimeout(0.2):
            line.send(b"1\r\nx\r\n")
            try:
                if not line.sock.recv(1):
                    raise EOFError
            except TimeoutError:
                continue

    node.plays(script)
    started = time.monotonic()
    with connected(strict) as visitor:
        visitor.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not visitor.rest().endswith(b"0\r\n\r\n")
    assert 2.5 < time.monotonic() - started < 6


def test_bodies_are_limited_by_class_announced_or_not(strict: str, node: Node) -> None:
    """More than the class allows is a 413, whether the length was told or the chunks add up to it."""
    for target, most in (("/x", 1000), ("/photo", 5000)):
        line = f"POST {target} HTTP/1.1"
        for size, status in ((most, 200), (most + 1, 413)):
            body = b"x" * size
            assert ask(strict, f"Content-Length: {size}", line=line, body=body).status == status
            chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
            assert ask(strict, "Transfer-Encoding: chunked", line=line, body=chunked).status == status
    assert all(len(message.body) <= 5000 for message in node.asked)


def test_heads_are_limited(strict: str) -> None:
    """A line or a field that is too long is a 431, too many fields are a 400; each closes the connection."""
    for line, fields, status in (
        (f"GET /{'x' * 9000} HTTP/1.1", [], 431),
        ("GET / HTTP/1.1", [f"X-A: {'x' * 9000}"], 431),
        ("GET / HTTP/1.1", [f"X-{number}: a" for number in range(200)], 400),
    ):
        with connected(strict) as visitor:
            visitor.send("\r\n".join([line, "Host: x", *fields, "", ""]).encode())
            assert visitor.answer().status == status
            assert visitor.ended()


def test_one_address_gets_so_many_connections(strict: str) -> None:
    """The next one is told to come again and closed; when one ends there is room."""
    lines = [socket.create_connection(tuple(strict.rsplit(":", 1))) for _ in range(30)]
    try:
        for sock in lines:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert Line(sock).answer().status == 200
        with connected(strict) as visitor:
            answer = visitor.answer()
            assert (answer.status, answer.all("retry-after")) == (503, ["5"])
            assert visitor.ended()
    finally:
        for sock in lines:
            sock.close()

    def room() -> bool:
        try:
            return ask(strict).status == 200
        except (ConnectionError, EOFError):
            return False

    wait_for(room, 3.0, "there is room again")

"""Bodies on their way: streamed both ways, given up or finished when one side goes."""

import socket
import threading

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import OK, Line, Message, Node, ask, connected, hangs_up_after, head, read_body

pytestmark = pytest.mark.integration


def test_an_early_answer_reaches_who_is_still_sending(talon: Proxy, node: Node) -> None:
    """RFC 9112, 9.3: a 413 in the middle of an upload arrives whole, and the rest of the upload is read away."""
    node.plays(lambda line, message: line.send(head("Content-Length: 3", status="413 Big") + b"big"))
    with connected(talon.address) as visitor:
        visitor.send(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 10_000)
        answer = visitor.answer()
        assert (answer.status, answer.body, answer.all("connection")) == (413, b"big", ["close"])
        visitor.send(b"x" * 2_990_000)
        assert visitor.ended()


def test_events_arrive_as_they_happen(proxy: Proxy, node: Node) -> None:
    """A stream of events is not held back until it ends."""
    go_on = threading.Event()

    def script(line: Line, message: Message) -> None:
        line.send(head("Content-Type: text/event-stream", "Transfer-Encoding: chunked") + b"9\r\ndata: 1\n\n\r\n")
        assert go_on.wait(5)
        line.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    node.plays(script)
    with connected(proxy.address) as visitor:
        visitor.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        visitor.until(b"data: 1\n\n")
        go_on.set()
        visitor.until(b"data: 2\n\n")


def test_an_upload_reaches_the_node_as_it_is_sent(proxy: Proxy, node: Node) -> None:
    """A body is not held back until it is whole."""
    came = threading.Event()

    def script(line: Line, message: Message) -> None:
        assert line.chunk() == b"first"
        came.set()
        assert line.chunk() == b"second"
        assert line.chunk() is None
        line.until(b"\r\n")
        line.send(OK)

    node.plays(script)
    with connected(proxy.address) as visitor:
        visitor.send(b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert came.wait(5)
        visitor.send(b"6\r\nsecond\r\n0\r\n\r\n")
        assert visitor.answer().status == 200


def test_a_read_is_given_up_when_its_visitor_goes(proxy: Proxy, node: Node) -> None:
    """A visitor who closes leaves no work at the node behind."""
    asked, over = threading.Event(), threading.Event()

    def script(line: Line, message: Message) -> None:
        asked.set()
        assert line.ended()
        over.set()
        raise EOFError

    node.plays(script)
    with connected(proxy.address) as visitor:
        visitor.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(5)
    assert over.wait(5), "the node was told"


def test_a_write_is_finished_when_its_visitor_goes(talon: Proxy, node: Node) -> None:
    """A booking that was sent is not broken off: the node may be half-way through. nginx breaks it off."""
    asked, finish, finished = threading.Event(), threading.Event(), threading.Event()

    def script(line: Line, message: Message) -> None:
        read_body(line, message)
        asked.set()
        assert finish.wait(5)
        line.send(OK)
        if line.is_silent(0.3):
            finished.set()  # the connection is kept for the next request

    node.plays(script)
    with connected(talon.address) as visitor:
        visitor.send(b"POST /book HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
        assert asked.wait(5)
        visitor.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    finish.set()
    assert finished.wait(5), "it was not broken off"


def test_a_write_is_never_sent_twice(talon: Proxy, node: Node) -> None:
    """RFC 9110, 9.2.2: a node that closes on a request that it has read gets it once."""
    node.plays(hangs_up_after(b""))
    for line in ("POST /x HTTP/1.1", "PUT /x HTTP/1.1", "DELETE /x HTTP/1.1"):
        node.asked.clear()
        assert ask(talon.address, "Content-Length: 2", line=line, body=b"ab").status == 502
        assert len(node.asked) == 1

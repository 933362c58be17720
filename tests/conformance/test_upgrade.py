"""Upgrades: after 101 the bytes of both sides pass as they are, whatever protocol that is."""

import threading

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import OK, Line, Message, Node, connected, read_body

pytestmark = pytest.mark.integration

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %b\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
ASK = b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %b\r\nSec-WebSocket-Key: a\r\n\r\n"


def echo(line: Line, message: Message) -> None:
    """Switch, greet at once, and send everything back."""
    protocol = message.all("upgrade")[0].encode()
    line.send(SWITCH % protocol + b"hello")
    while data := line.sock.recv(65536):
        line.send(data)
    raise EOFError


@pytest.mark.parametrize("protocol", [b"websocket", b"WebSocket", b"custom/2"])
def test_both_sides_speak_at_once(talon: Proxy, node: Node, protocol: bytes) -> None:
    """Bytes behind the 101 arrive, and megabytes go both ways at the same time, unchanged."""
    node.plays(echo)
    data = bytes(range(256)) * 8192
    with connected(talon.address) as visitor:
        visitor.send(ASK % protocol)
        answer = visitor.answer()
        assert (answer.status, answer.all("upgrade")) == (101, [protocol.decode()])
        assert answer.all("sec-websocket-accept") == ["x"]
        assert visitor.exactly(5) == b"hello"
        writer = threading.Thread(target=visitor.send, args=(data,))
        writer.start()
        assert visitor.exactly(len(data)) == data
        writer.join()


def test_each_side_may_end_alone(talon: Proxy, node: Node) -> None:
    """What the node says after the visitor has ended still arrives, then both are closed."""

    def script(line: Line, message: Message) -> None:
        line.send(SWITCH % b"x")
        data = line.rest()
        line.send(b"goodbye " + data)
        raise EOFError

    node.plays(script)
    with connected(talon.address) as visitor:
        visitor.send(ASK % b"x")
        assert visitor.answer().status == 101
        visitor.send(b"ada")
        visitor.sock.shutdown(1)
        assert visitor.rest() == b"goodbye ada"


def test_a_visitor_who_goes_ends_the_tunnel(talon: Proxy, node: Node) -> None:
    """The node's side is closed too."""
    node.plays(echo)
    with connected(talon.address) as visitor:
        visitor.send(ASK % b"websocket")
        assert visitor.answer().status == 101
    assert node.ended.wait(5)


def test_a_node_may_decline(talon: Proxy, node: Node) -> None:
    """Another answer than 101 is an ordinary one, and the connection goes on with HTTP."""
    node.plays(OK)
    with connected(talon.address) as visitor:
        visitor.send(ASK % b"websocket")
        assert visitor.answer().body == b"ok"
        visitor.send(b"GET /y HTTP/1.1\r\nHost: x\r\n\r\n")
        assert visitor.answer().body == b"ok"
    assert node.asked[0].all("upgrade") == ["websocket"]
    assert node.asked[1].all("upgrade") == []


def test_http_2_ends_here(talon: Proxy, node: Node) -> None:
    """An upgrade to HTTP/2 would lead past every rule, so it is not asked for."""
    node.plays(OK)
    with connected(talon.address) as visitor:
        visitor.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: a\r\n\r\n"
        )
        assert visitor.answer().status == 200
    assert not {"upgrade", "http2-settings"} & node.asked[0].names()


def test_a_body_before_the_switch_arrives(talon: Proxy, node: Node) -> None:
    """A request to switch may have a body; what follows it belongs to the new protocol."""

    def script(line: Line, message: Message) -> None:
        assert read_body(line, message) == b"body"
        echo(line, message)

    node.plays(script)
    with connected(talon.address) as visitor:
        visitor.send(
            ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\nbody") % b"websocket"
        )
        assert visitor.answer().status == 101
        assert visitor.exactly(5) == b"hello"
        visitor.send(b"more")
        assert visitor.exactly(4) == b"more"

"""Requests and answers that go past the parsers: nobody can tell them from those that go through.

A space less behind one colon makes a head that is not plain and says the same.
"""

import re

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import OK, Node, connected

FIELDS = b"Host: portal.example\r\nAccept: text/html\r\nCookie: a=b; talon_ticket=x; c=d\r\nX-Empty: -\r\n"
KEPT = b"Connection: keep-alive\r\n"
ANSWERS = {
    "plain": b"HTTP/1.1 200 Fine\r\nServer: s\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 5\r\n\r\nhello",
    "kept": b"HTTP/1.1 404 No\r\nConnection: keep-alive\r\nContent-Length: 0\r\nDate: a moment ago\r\n\r\n",
    "talon": b"HTTP/1.1 200 OK\r\nTalon-Visit: end\r\nContent-Length: 2\r\n\r\nok",
    "closing": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "empty": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
}
pytestmark = pytest.mark.integration
IDS = re.compile(rb"(?i)(x-request-id: )\S+|(date: )[^\r]+")


def said(data: bytes) -> list[bytes]:
    """The lines of a head, without what differs each time."""
    return sorted(IDS.sub(rb"\1\2", data.replace(b"X-Empty:-", b"X-Empty: -")).split(b"\r\n"))


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("target", [b"/", b"/a//b;c=d/../e?x=%20&y=a+b"])
def test_a_plain_request_is_like_any_other(talon: Proxy, node: Node, target: bytes, answer: bytes) -> None:
    """The node gets the same, and so does the visitor, with the same order of fields of one name."""
    seen = []
    for fields in (FIELDS, FIELDS + KEPT, FIELDS.replace(b"Empty: -", b"Empty:-")):
        for reply in (answer, answer.replace(b": ", b":  ", 1)):
            node.plays(reply)
            with connected(talon.address) as line:
                line.send(b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n")
                got = line.answer()
            seen.append((said(node.asked[0].head), said(got.head), got.all("set-cookie"), got.body))
    assert all(one == seen[0] for one in seen[1:]), seen


def test_plain_requests_follow_others_on_one_connection(talon: Proxy, node: Node) -> None:
    """Reads, a write with a body, pipelined reads and one in pieces: each gets its own answer."""
    read = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
    write = b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    node.plays(OK)
    with connected(talon.address) as line:
        for number, piece in enumerate([read, read, write, read, write, read]):
            line.send(piece % number)
            assert line.answer().body == b"ok"
        line.send(read % 6 + read % 7)
        assert [line.answer().body for _ in range(2)] == [b"ok", b"ok"]
        line.send((read % 8)[:20])
        line.send((read % 8)[20:])
        assert line.answer().body == b"ok"
        line.send(read % 9)
        assert line.answer().body == b"ok"
    assert [message.first.split(b" ")[1] for message in node.asked] == [b"/%d" % number for number in range(10)]

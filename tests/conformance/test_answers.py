"""Answers: what reaches the visitor, byte by byte. Where nginx differs, the test says so and whom the RFC backs."""

import threading

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import OK, Line, Message, Node, answers, ask, connected, hangs_up_after, head, read_body

pytestmark = pytest.mark.integration


def test_an_interim_answer_is_handed_on(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 15.2: a proxy MUST forward 1xx; nginx of this version takes a 103 for the final answer."""
    node.plays(head("Link: </a.css>", status="103 Early Hints") + OK)
    with connected(proxy.address) as visitor:
        visitor.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        first = visitor.answer()
        if proxy.is_talon:
            assert (first.status, first.all("link")) == (103, ["</a.css>"])
            assert visitor.answer().body == b"ok"


def test_no_interim_answer_goes_to_http_1_0(talon: Proxy, node: Node) -> None:
    """RFC 9110, 15.2: HTTP/1.0 has none."""
    node.plays(head(status="103 Early Hints") + OK)
    assert ask(talon.address, line="GET /x HTTP/1.0").status == 200


def test_the_node_decides_about_a_body_that_was_announced(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 10.1.1: `Expect` is forwarded, and its answer comes back; nginx asks for the body by itself."""

    def script(line: Line, message: Message) -> None:
        if message.all("expect"):
            line.send(head(status="100 Continue"))
        read_body(line, message)
        line.send(OK)

    node.plays(script)
    with connected(proxy.address) as visitor:
        visitor.send(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert visitor.answer().status == 100
        visitor.send(b"body")
        assert visitor.answer().status == 200
    assert node.asked[0].body == b"body"
    assert node.asked[0].all("expect") == (["100-continue"] if proxy.is_talon else [])


def test_a_node_may_refuse_before_the_body_comes(talon: Proxy, node: Node) -> None:
    """RFC 9110, 10.1.1: a final status instead of 100 reaches the visitor, who need not send the body at all."""
    node.plays(lambda line, message: line.send(head("Content-Length: 2", status="403 No") + b"no"))
    with connected(talon.address) as visitor:
        visitor.send(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n")
        answer = visitor.answer()
        assert (answer.status, answer.body, answer.all("connection")) == (403, b"no", ["close"])
        assert visitor.ended()


@pytest.mark.parametrize(
    ("method", "status", "length"), [("HEAD", "200 OK", 4711), ("GET", "204 No Content", 0), ("GET", "304 Not", 4711)]
)
def test_an_answer_without_a_body_ends_with_its_head(
    proxy: Proxy, node: Node, method: str, status: str, length: int
) -> None:
    """RFC 9110, 9.3.2, 15.3.5, 15.4.5: the length may be told, no body follows, and the connection goes on."""
    node.plays(head(*([f"Content-Length: {length}"] if length else []), 'ETag: "a"', status=status))
    with connected(proxy.address) as visitor:
        for _ in range(2):
            visitor.send(f"{method} /x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = visitor.answer(method)
            assert answer.first == f"HTTP/1.1 {status}".encode()
            assert (answer.all("transfer-encoding"), answer.all("etag")) == ([], ['"a"'])
            if length:
                assert answer.all("content-length") == [str(length)]


def test_trailers_reach_who_wants_them(talon: Proxy, node: Node) -> None:
    """RFC 9110, 6.5: they are forwarded as trailers to a visitor who says `TE: trailers`, and dropped for others."""
    node.plays(head("Transfer-Encoding: chunked") + b"2\r\nab\r\n0\r\nX-Sum: 1\r\nConnection: close\r\n\r\n")
    wanted, unwanted = ask(talon.address, "TE: trailers", "Connection: TE"), ask(talon.address)
    assert (wanted.body, wanted.trailers) == (b"ab", [b"X-Sum: 1"])
    assert (unwanted.body, unwanted.trailers) == (b"ab", [])
    assert node.asked[0].all("te") == ["trailers"]


BAD_FRAMING = {
    "length and chunks": head("Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\nok\r\n0\r\n\r\n",
    "two lengths": head("Content-Length: 2", "Content-Length: 3") + b"ok",
    "no number": head("Content-Length: two") + b"ok",
    "an unknown coding": head("Transfer-Encoding: gzip") + b"ok",
    "a folded field": head("X-A: 1", " folded", "Content-Length: 2") + b"ok",
    "a space before the colon": head("X-A : 1", "Content-Length: 2") + b"ok",
    "a NUL": head("X-A: a\0b", "Content-Length: 2") + b"ok",
    "a bare CR": head("X-A: a\rX-B: 1", "Content-Length: 2") + b"ok",
    "a NUL in the reason": head("Content-Length: 2", status="200 O\0K") + b"ok",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "no HTTP at all": b"\x15\x03\x01\x00\x02\x02\x16",
    "an endless head": head(*(f"X-{number}: {'x' * 1000}" for number in range(80)), "Content-Length: 2") + b"ok",
    "protocols switched unasked": head("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols"),
}
NGINX_REFUSES = {"a NUL", "an endless head"}
"""What nginx answers with a 502 too. The rest it repairs, drops, forwards or waits for; RFC 9112 backs the 502."""


@pytest.mark.parametrize("name", BAD_FRAMING)
def test_a_node_that_speaks_badly_is_a_bad_gateway(proxy: Proxy, node: Node, name: str) -> None:
    """RFC 9112, 6.3: what cannot be framed is a 502, and the connection to the node is closed."""
    node.plays(answers(BAD_FRAMING[name]))
    if proxy.is_talon or name in NGINX_REFUSES:
        assert ask(proxy.address).status == 502
    if proxy.is_talon:
        assert node.ended.wait(5)


def test_bytes_behind_an_answer_belong_to_nobody(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 6.3: they MUST NOT become the answer to the next request."""
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    node.plays(OK + forged)
    with connected(proxy.address) as visitor:
        for _ in range(3):
            visitor.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert visitor.answer().body == b"ok"


def test_bytes_that_nobody_asked_for_end_the_connection(talon: Proxy, node: Node) -> None:
    """An idle connection on which a node begins to speak is not used again."""
    answered, ended = threading.Event(), threading.Event()

    def script(line: Line, message: Message) -> None:
        line.send(OK)
        assert answered.wait(5)
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        assert line.ended()
        ended.set()

    node.plays(script)
    assert ask(talon.address).body == b"ok"
    answered.set()
    assert ended.wait(5)


@pytest.mark.parametrize("status", ["099 Low", "600 High", "900 OK"])
def test_a_status_that_http_has_not_is_a_502(talon: Proxy, node: Node, status: str) -> None:
    """RFC 9110, 15: values outside of 100..599 are invalid; nginx hands them on."""
    node.plays(head("Content-Length: 2", status=status) + b"ok")
    assert ask(talon.address).status == 502


@pytest.mark.parametrize("length", [60_000, 6_000_000])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_half_an_answer_is_told_from_a_whole_one(proxy: Proxy, node: Node, length: int, framing: str) -> None:
    """RFC 9112, 8: the visitor gets an error or a broken message, never one that looks whole."""
    fields = f"Content-Length: {length}" if framing == "length" else "Transfer-Encoding: chunked"
    start = b"" if framing == "length" else b"%x\r\n" % length
    node.plays(hangs_up_after(head(fields) + start + b"x" * (length // 2)))
    try:
        answer = ask(proxy.address)
    except (EOFError, ConnectionError):
        return
    assert answer.status == 502


def test_an_answer_that_its_end_ends_is_whole(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 6.3: without length and chunks the body ends with the connection; the visitor gets all of it."""
    node.plays(hangs_up_after(head("Content-Type: text/plain") + b"x" * 300_000))
    assert ask(proxy.address).body == b"x" * 300_000
    assert ask(proxy.address, line="GET /x HTTP/1.0").body == b"x" * 300_000


def test_fields_of_an_answer_are_the_nodes(proxy: Proxy, node: Node) -> None:
    """Order, repetition, bytes and the reason pass; nothing is invented but what a proxy must add."""
    fields = [
        "Set-Cookie: a=1",
        "X-A: 1",
        "Set-Cookie: b=2",
        "x-a: \xe9",
        "Allow: GET",
        "WWW-Authenticate: A, B",
        "Vary: *",
    ]
    node.plays(head(*fields, "Content-Length: 0", status="299 As You Like"))
    answer = ask(proxy.address)
    assert answer.first == b"HTTP/1.1 299 As You Like"
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.all("x-a") == ["1", "\xe9"]
    assert (answer.all("allow"), answer.all("www-authenticate"), answer.all("vary")) == (["GET"], ["A, B"], ["*"])
    assert answer.all("content-type") == []
    assert len(answer.all("date")) == 1, "RFC 9110, 6.6.1"


def test_a_date_of_the_node_stays(talon: Proxy, node: Node) -> None:
    """It says when the answer was made; nginx writes its own over it."""
    node.plays(head("Date: Mon, 02 Nov 2026 08:00:00 GMT", "Content-Length: 0"))
    assert ask(talon.address).all("date") == ["Mon, 02 Nov 2026 08:00:00 GMT"]


def test_fields_about_the_nodes_connection_stay_there(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.6.1 holds for answers too; nginx forwards what `Connection` names."""
    node.plays(head("Connection: X-Secret", "X-Secret: 1", "Keep-Alive: timeout=9", "Content-Length: 0"))
    answer = ask(proxy.address)
    assert answer.all("keep-alive") == []
    assert ("x-secret" in answer.names()) is not proxy.is_talon


def test_an_encoded_body_is_handed_on_as_it_is(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.7: codings are opaque, unknown ones and broken ones too."""
    for coding, body in (("gzip", b"\x1f\x8bno"), ("br", b"\xff"), ("bogus", b"x")):
        node.plays(head(f"Content-Encoding: {coding}", f"Content-Length: {len(body)}") + body)
        answer = ask(proxy.address, "Accept-Encoding: gzip, br, bogus")
        assert (answer.all("content-encoding"), answer.body) == ([coding], body)

"""Requests: what reaches the node, byte by byte. Where nginx differs, the test says so and whom the RFC backs."""

import pytest

from tests.conformance.conftest import Proxy
from tests.conformance.raw import Node, ask, connected, read_body, send
from tests.integration.processes import wait_for

pytestmark = pytest.mark.integration


def test_fields_about_one_connection_stay_on_it(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.6.1: known hop-by-hop fields are not forwarded; nginx forwards Proxy-Connection."""
    ask(proxy.address, "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip", "X-Own: 1")
    assert "x-own" in node.asked[0].names()
    leaked = node.asked[0].names() & {"keep-alive", "proxy-connection", "te"}
    assert leaked == (set() if proxy.is_talon else {"proxy-connection"})


def test_fields_named_by_connection_stay_too(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.6.1: what `Connection` names MUST go; nginx forwards it."""
    ask(proxy.address, "Connection: X-Secret, close", "X-Secret: 1")
    assert ("x-secret" in node.asked[0].names()) is not proxy.is_talon


def test_connection_cannot_name_away_what_the_node_relies_on(proxy: Proxy, node: Node) -> None:
    """Host, the length of the body and where the request came from cannot be stripped by the one who sends it."""
    fields = ("Connection: Host, Content-Length, X-Forwarded-For, close", "Content-Length: 2")
    ask(proxy.address, *fields, line="POST /x HTTP/1.1", body=b"ab")
    assert {"host", "content-length", "x-forwarded-for"} <= node.asked[0].names()
    assert node.asked[0].body == b"ab"


CONFLICTS = {
    "length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "two lengths": "Content-Length: 5\r\nContent-Length: 6",
    "the same length twice": "Content-Length: 5\r\nContent-Length: 5",
    "a list of lengths": "Content-Length: 5, 5",
    "a signed length": "Content-Length: +5",
    "a negative length": "Content-Length: -5",
    "a length in hex": "Content-Length: 0x5",
    "an unknown coding": "Transfer-Encoding: xchunked",
    "chunked not last": "Transfer-Encoding: chunked, identity",
    "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "a folded field": "X-A: 1\r\n folded",
    "a bare CR": "X-A: 1\rX-B: 2",
    "a space before the colon": "X-A : 1",
    "a NUL": "X-A: 1\0",
    "no name": ": 1",
    "two hosts": "Host: other",
}
NGINX_TAKES = {"a folded field", "a space before the colon", "no name", "a bare CR"}
"""What nginx passes over or drops where RFC 9112 (2.2, 5.1, 5.2) demands a 400, or allows nothing else."""


@pytest.mark.parametrize("name", CONFLICTS)
def test_what_two_readers_could_read_differently_is_refused(proxy: Proxy, node: Node, name: str) -> None:
    """RFC 9112, 5 and 6: conflicting framing and malformed fields are a 400, and no byte of them reaches the node."""
    data = f"POST /x HTTP/1.1\r\nHost: portal\r\n{CONFLICTS[name]}\r\n\r\nhello".encode()
    answer = send(proxy.address, data)
    if proxy.is_talon or name not in NGINX_TAKES:
        assert answer.split(b" ")[1] in (b"400", b"501"), answer[:100]
        assert node.asked == []
    else:
        assert b"folded" not in b"".join(message.head for message in node.asked)


def test_a_transfer_coding_on_http_1_0_is_faulty(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 6.1: HTTP/1.0 has no transfer codings; a message with one is faulty and its connection is closed."""
    data = b"POST /x HTTP/1.0\r\nHost: portal\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    answer = send(proxy.address, data + b"GET /y HTTP/1.1\r\n\r\n")
    assert len([message for message in node.asked if b"/y" in message.first]) == 0
    if proxy.is_talon:
        assert answer.split(b" ")[1] in (b"200", b"400")


BAD_CHUNKS = {
    "no size": b"\r\nab\r\n0\r\n\r\n",
    "not hex": b"xy\r\nab\r\n0\r\n\r\n",
    "a size too small": b"1\r\nab\r\n0\r\n\r\n",
    "a size beyond all numbers": b"fffffffffffffffff\r\nab\r\n0\r\n\r\n",
    "a signed size": b"+2\r\nab\r\n0\r\n\r\n",
    "no line end": b"2\r\nabXX0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_malformed_chunk_is_the_visitors_fault(proxy: Proxy, node: Node, name: str) -> None:
    """RFC 9112, 7.1: it is a 400, not a 502, and the node never sees a whole request."""
    data = b"POST /x HTTP/1.1\r\nHost: portal\r\nTransfer-Encoding: chunked\r\n\r\n" + BAD_CHUNKS[name]
    with connected(proxy.address) as visitor:
        visitor.send(data)
        answer = visitor.rest()
    assert answer.split(b" ")[1] == b"400", answer[:80]
    assert b"200 OK" not in answer


def test_chunk_extensions_are_dropped(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 7.1.1: unknown extensions are ignored; they do not travel on."""
    body = b'2;a=b;c="d"\r\nab\r\n3 ; x\r\ncde\r\n0\r\n\r\n'.replace(b"3 ; x", b"3;x")
    answer = ask(proxy.address, "Transfer-Encoding: chunked", line="POST /x HTTP/1.1", body=body)
    assert (answer.status, node.asked[0].body) == (200, b"abcde")


def test_trailers_never_become_header_fields(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 7.1.2: fields behind a body are dropped or kept apart."""
    body = b"2\r\nab\r\n0\r\nX-Late: 1\r\nHost: other\r\n\r\n"
    answer = ask(proxy.address, "Transfer-Encoding: chunked", line="POST /x HTTP/1.1", body=body)
    assert (answer.status, node.asked[0].body) == (200, b"ab")
    assert "x-late" not in node.asked[0].names()
    assert node.asked[0].all("host") == ["portal"]


TARGETS = [
    "/a%2Fb//c;d=1/../e?x=%20&y=a+b&z",
    "/a?",
    "/%7Euser/%7euser",
    "//double//slash",
    "/a/.././x/.",
    "/a?b=http://x/y?z#".replace("#", ""),
    "/%D1%83?q=%d1%84",
    "/" + "x" * 7900,
]


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_is_not_touched(proxy: Proxy, node: Node, target: str) -> None:
    """RFC 9110, 7.7: path and query reach the node as they were sent, the empty query and the case of hex too."""
    assert ask(proxy.address, line=f"GET {target} HTTP/1.1").status == 200
    assert node.asked[0].first == f"GET {target} HTTP/1.1".encode()


def test_the_absolute_form_rules_the_host(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 3.2.2: its authority replaces the field, and the node gets the path."""
    ask(proxy.address, line="GET http://clinic.example/a?b HTTP/1.1", host="other.example")
    assert node.asked[0].first == b"GET /a?b HTTP/1.1"
    assert node.asked[0].all("host") == ["clinic.example"]


def test_the_authority_form_is_for_other_proxies(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 9.3.6: a gateway makes no tunnels to anywhere."""
    assert ask(proxy.address, line="CONNECT portal:443 HTTP/1.1").status == (405 if proxy.is_talon else 400)
    assert node.asked == []


def test_the_asterisk_form_reaches_the_node(talon: Proxy, node: Node) -> None:
    """RFC 9112, 3.2.4: `OPTIONS *` is about the server, and stays `*`; nginx has no answer to it but 400."""
    assert ask(talon.address, line="OPTIONS * HTTP/1.1").status == 200
    assert node.asked[0].first == b"OPTIONS * HTTP/1.1"


def test_max_forwards_is_counted_down(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.6.2: with OPTIONS it is lowered, and at 0 answered here; nginx forwards it as it is."""
    ask(proxy.address, "Max-Forwards: 3", line="OPTIONS /x HTTP/1.1")
    assert node.asked[0].all("max-forwards") == (["2"] if proxy.is_talon else ["3"])
    node.asked.clear()
    assert ask(proxy.address, "Max-Forwards: 0", line="OPTIONS /x HTTP/1.1").status == 200
    assert len(node.asked) == (0 if proxy.is_talon else 1)


def test_a_request_that_goes_in_circles_ends(talon: Proxy, node: Node) -> None:
    """RFC 9110, 7.6: a gateway must not forward to itself for ever; what has passed it five times is a 508."""
    assert ask(talon.address, "Via: 1.1 talon, 1.1 talon, 1.1 other", "Via: 1.1 talon").status == 200
    assert ask(talon.address, "Via: 1.1 talon, 1.1 talon, 1.1 talon", "Via: 1.1 talon, 1.1 talon").status == 508
    assert len(node.asked) == 1


def test_via_says_who_has_forwarded(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.6.3: a gateway MUST add itself on the way in; nginx does not."""
    ask(proxy.address, "Via: 1.0 old")
    assert node.asked[0].all("via") == (["1.0 old", "1.1 talon"] if proxy.is_talon else ["1.0 old"])


def test_nothing_is_invented(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 7.7 and 8.3: no User-Agent, Accept, Accept-Encoding or Content-Type that the visitor has not sent."""
    ask(proxy.address, "Content-Length: 2", line="POST /x HTTP/1.1", body=b"ab")
    assert not node.asked[0].names() & {"user-agent", "accept", "accept-encoding", "content-type"}


def test_fields_keep_their_order_their_bytes_and_their_number(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 5.3: lines of one name keep their order; unknown names and bytes beyond ASCII pass as they are."""
    ask(proxy.address, "X-A: 1", "X-B: \xe9\xff", "x-a: 2", "X-A: 3, 4", "X-Empty:")
    assert node.asked[0].all("x-a") == ["1", "2", "3, 4"]
    assert node.asked[0].all("x-b") == ["\xe9\xff"]
    assert node.asked[0].all("x-empty") == [""]


def test_conditions_and_credentials_pass_unchanged(proxy: Proxy, node: Node) -> None:
    """RFC 9110, 11.6 and 13.2: Authorization and conditional fields are the node's business."""
    fields = ['If-None-Match: "a", W/"b"', "If-Modified-Since: x", "Authorization: Digest a=b", "Range: bytes=0-1"]
    ask(proxy.address, *fields)
    assert {field.encode() for field in fields} <= set(node.asked[0].lines)


def test_a_missing_host_is_refused(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 3.2: HTTP/1.1 without Host is a 400."""
    assert ask(proxy.address, host="").status == 400
    assert node.asked == []


def test_an_encoded_body_is_not_opened(proxy: Proxy, node: Node) -> None:
    """A content coding is opaque, a broken one too."""
    ask(proxy.address, "Content-Encoding: gzip", "Content-Length: 4", line="POST /x HTTP/1.1", body=b"\x1f\x8bno")
    assert (node.asked[0].all("content-encoding"), node.asked[0].body) == (["gzip"], b"\x1f\x8bno")


def test_pipelined_requests_are_answered_in_order(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 9.3.2: many requests in one write, a body among them, come out one after the other."""

    def script(line, message):  # type: ignore[no-untyped-def]
        body = read_body(line, message) or message.first.split(b" ")[1]
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    node.plays(script)
    post = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    gets = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(40)]
    with connected(proxy.address) as visitor:
        visitor.send(b"".join([*gets[:20], post, *gets[20:]]))
        bodies = [visitor.answer().body for _ in range(41)]
    assert bodies == [*(b"/%d" % number for number in range(20)), b"body", *(b"/%d" % n for n in range(20, 40))]


def test_a_visitor_may_end_its_side_and_still_get_the_answer(talon: Proxy, node: Node) -> None:
    """RFC 9112, 9.6 speaks of closing both ways; half-closing nginx takes for going away."""
    answer = send(talon.address, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"ok")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_each_version_gets_what_it_can_read(proxy: Proxy, node: Node, version: str) -> None:
    """RFC 9112, 6.1 and 9.3: no transfer coding to HTTP/1.0, whose connection ends unless it asks to keep it."""
    node.plays(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    answer = ask(proxy.address, line=f"GET /x HTTP/{version}")
    assert answer.body == b"abc"
    assert bool(answer.all("transfer-encoding")) is (version == "1.1")
    assert ("close" in answer.all("connection")) is (version == "1.0")


def test_an_old_client_may_keep_its_connection(proxy: Proxy, node: Node) -> None:
    """HTTP/1.0 with `Connection: keep-alive` and an answer of known length: the next request goes on it."""
    with connected(proxy.address) as visitor:
        for _ in range(2):
            visitor.send(b"GET /x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
            answer = visitor.answer()
            assert (answer.status, answer.all("connection")) == (200, ["keep-alive"])


def test_a_line_without_a_version_is_refused(proxy: Proxy, node: Node) -> None:
    """What HTTP/0.9 was: there is no status that could say no, so it is answered as HTTP/1.1 that is not valid."""
    answer = send(proxy.address, b"CONNECT x:\r\nHost: x\r\n\r\n")
    assert answer.split(b" ")[:2] == [b"HTTP/1.1", b"400"] if proxy.is_talon else b"400" in answer
    assert node.asked == []


def test_a_node_always_gets_a_host(proxy: Proxy, node: Node) -> None:
    """RFC 9112, 3.2: HTTP/1.0 need not name one; the request to the node, which is HTTP/1.1, must. nginx: none."""
    assert ask(proxy.address, line="GET /x HTTP/1.0", host="").status == 200
    assert len(node.asked[0].all("host")) == (1 if proxy.is_talon else 0)


@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "<x>", "a,b\t"])
def test_a_host_that_is_none_is_refused(talon: Proxy, node: Node, host: str) -> None:
    """RFC 9112, 3.2: an invalid value is a 400; nginx takes some of these."""
    status = ask(talon.address, host=host).status
    assert status == (200 if host == "a,b\t" else 400)


@pytest.mark.parametrize("target", ["/x", "/_talon/tickets"])
@pytest.mark.parametrize("length", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_body_that_ends_too_early_is_a_400(talon: Proxy, node: Node, target: str, length: str) -> None:
    """RFC 9112, 8: whoever reads it, for the node, for a key or for the gateway itself."""
    for key in ("", "Idempotency-Key: abc\r\n"):
        data = f"POST {target} HTTP/1.1\r\nHost: x\r\n{key}{length}\r\n\r\n".encode()
        assert send(talon.address, data + b"2").startswith(b"HTTP/1.1 400 ")
    begun = 2 if target == "/x" and "chunked" in length else 0
    wait_for(lambda: len(node.asked) == begun, 5.0, "small bodies of known length are read first")

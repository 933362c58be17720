"""Plain heads: what goes past the parsers is read by each of them as it is read here."""

import asyncio
from typing import Any, cast

import h11
import pytest
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from httptools import HttpResponseParser
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.plain import PlainFields, plain_answer, plain_fields, plain_line

USUAL = (
    b"GET /slots?day=1 HTTP/1.1\r\nHost: portal.example\r\nAccept: text/html\r\n"
    b"Cookie: a=b\r\nConnection: keep-alive\r\n\r\n"
)
LINES = (
    *(b"Host: x", b"Host: y:80", b"host: x", b"Accept: */*", b"Cookie: talon_pass=a.b.c; s=1", b"Cookie: talon_pass=a"),
    *(b"Connection: keep-alive", b"Connection: close", b"connection: keep-alive", b"Connection: keep-alive, X-A"),
    *(b"Content-Length: 0", b"Content-Length: 5", b"content-length: 2", b"Transfer-Encoding: chunked", b"X-A: 1"),
    *(
        b"X_A: 1",
        b"X-A:1",
        b"X-A : 1",
        b" X-A: 1",
        b"\tX-A: 1",
        b"X-A: a\x00b",
        b"X-A: a\rb",
        b"X-A: \xd0\xb0",
        b"X-A:",
    ),
    *(
        b"X-A: ",
        b"X-A:  a ",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"TE: trailers",
        b"Via: 1.1 a",
        b"Forwarded: for=x",
    ),
    *(b"X-Forwarded-For: 1.2.3.4", b"Talon-Pass: a", b"X-HTTP-Method-Override: DELETE", b"Date: now", b"date: now"),
    *(b"Set-Cookie: a=b", b"Set-Cookie: c=d", b"Content-Type: text/event-stream", b"Keep-Alive: 5", b"Max-Forwards: 0"),
    *(b"", b"no colon", b"X-A: b: c", b"X-A: Transfer-Encoding: chunked"),
)
STARTS = (b"GET / HTTP/1.1", b"GET /a?b=%2F HTTP/1.1", b"GET //x HTTP/1.1", b"GET /%2f HTTP/1.1", b"GET /a#b HTTP/1.1")
STARTS += (b"GET / HTTP/1.0", b"HEAD / HTTP/1.1", b"GET  / HTTP/1.1", b"GET http://x/ HTTP/1.1", b"GET / HTTP/1.1 ")
STATUSES = (b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 204 No", b"HTTP/1.1 304 N", b"HTTP/1.1 100 C")
STATUSES += (b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 2000 OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 101 S")
odd = st.binary(max_size=2)


def heads(starts: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Heads of lines that are usual, odd or wrong, here and there with a byte too much."""
    lines = st.lists(st.sampled_from(LINES), max_size=5)
    whole = st.tuples(st.sampled_from(starts), lines).map(lambda parts: b"\r\n".join([parts[0], *parts[1], b"", b""]))
    return st.tuples(whole, st.integers(0, 200), st.one_of(st.just(b""), odd)).map(
        lambda given: given[0][: given[1]] + given[2] + given[0][given[1] :]
    )


def read(data: bytes) -> tuple[bytes, PlainFields] | None:
    """Read a request as a connection does."""
    line = plain_line(data)
    fields = plain_fields(data[line.end() :], 100) if line is not None else None
    return None if line is None or fields is None else (line[1] + (line[2] or b""), fields)


def parsed(data: bytes) -> RawRequestMessage:
    """Read a request by aiohttp's parser; it must be one, whole, without a body, on a connection that stays."""
    loop = asyncio.new_event_loop()
    try:
        parser = HttpRequestParser(cast(Any, None), loop, 2**16, auto_decompress=False)
        messages, upgraded, rest = parser.feed_data(data)
    finally:
        loop.close()
    ((message, payload),) = messages
    assert payload is EMPTY_PAYLOAD
    assert [upgraded, rest, message.should_close, message.chunked, message.upgrade] == [False, b"", False, False, False]
    return message


class Heard:
    """What llhttp says of an answer."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.stays: list[bool] = []
        self.parser = HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field."""
        self.fields.append((name, value))

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.body += data

    def on_message_complete(self) -> None:
        """Note whether the connection stays."""
        self.stays.append(self.parser.should_keep_alive())


def pairs(lines: bytes) -> list[tuple[bytes, bytes]]:
    parts = [line.partition(b": ") for line in lines.split(b"\r\n") if line]
    return [(name, value.strip(b" ")) for name, _, value in parts]


@given(heads(STARTS))
@example(USUAL)
def test_parsers_read_a_plain_request_alike(data: bytes) -> None:
    """Target and fields are what aiohttp's parser finds, and h11's, which shares nothing with it."""
    found = read(data)
    if found is None:
        return
    target, fields = found
    message = parsed(data)
    assert (message.method, message.path.encode(), tuple(message.version)) == ("GET", target, (1, 1))
    assert pairs(fields.came) == list(message.raw_headers)
    assert pairs(fields.sent) == [
        (name, value if name != b"Cookie" else value.replace(b"talon_pass=a.b.c; ", b""))
        for name, value in message.raw_headers
        if name != b"Connection" and value != b"talon_pass=a"
    ]
    other = h11.Connection(h11.SERVER)
    other.receive_data(data)
    request = other.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"GET", target)
    assert [(name.lower(), value) for name, value in message.raw_headers] == list(request.headers)
    assert isinstance(other.next_event(), h11.EndOfMessage)


@given(heads(STATUSES), st.sampled_from([b"", b"ok", b"hello", b"Connection: close\r\n\r\n"]))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\nX-A: 1\r\n\r\n", b"hello")
def test_parsers_read_a_plain_answer_alike(head: bytes, body: bytes) -> None:
    """Status, fields and body are what llhttp finds, and h11's parser; the answer ends where the bytes end."""
    data = head + body
    found = plain_answer(data)
    if found is None:
        return
    status, lines, at, dated = found
    heard = Heard()
    heard.parser.feed_data(data)
    assert heard.stays == [True]
    assert (heard.parser.get_status_code(), heard.body) == (status, data[at:])
    assert pairs(lines.partition(b"\r\n")[2]) == [field for field in heard.fields if field[0] != b"Connection"]
    assert dated == any(name.lower() == b"date" for name, _ in heard.fields)
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    other.send(h11.EndOfMessage())
    other.receive_data(data)
    answer = other.next_event()
    assert isinstance(answer, h11.Response)
    assert answer.status_code == status
    got = other.next_event()
    if isinstance(got, h11.Data):
        assert bytes(got.data) == data[at:]
        got = other.next_event()
    assert isinstance(got, h11.EndOfMessage)


def test_the_usual_request_is_plain() -> None:
    """The connection's own field is left out of what is sent; all others are there as they came."""
    found = read(USUAL)
    assert found is not None
    assert found[0] == b"/slots?day=1"
    assert found[1].sent == b"\r\nHost: portal.example\r\nAccept: text/html\r\nCookie: a=b\r\n"
    assert found[1].cookie == "a=b"


def test_the_gateways_cookies_are_read_and_not_sent() -> None:
    """What is the portal's stays, in its order; a field with nothing left goes."""
    both = read(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=b; talon_pass=p; c=d\r\n\r\n")
    own = read(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: talon_pass=p\r\nX-A: 1\r\n\r\n")
    assert both is not None
    assert own is not None
    assert (both[1].cookie, both[1].sent) == ("a=b; talon_pass=p; c=d", b"\r\nHost: x\r\nCookie: a=b; c=d\r\n")
    assert own[1].sent == b"\r\nHost: x\r\nX-A: 1\r\n"


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith((b"Accept", b"Host: y", b"Set-"))])
def test_what_means_something_to_a_gateway_is_not_plain(line: bytes) -> None:
    """Framing, routing, forwarding, pieces of names and odd bytes are for the parser."""
    plain = (b"Cookie", b"Connection: keep-alive", b"X-A: ", b"Content-Type", b"Date", b"date")
    if line.startswith(plain) and line not in (
        b"X-A: a\x00b",
        b"X-A: a\rb",
        b"X-A: \xd0\xb0",
        b"Connection: keep-alive, X-A",
    ):
        assert read(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n") is not None
    else:
        assert read(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n") is None


@pytest.mark.parametrize("start", STARTS[2:])
def test_targets_that_can_be_read_in_two_ways_are_not_plain(start: bytes) -> None:
    """Encoded paths, two slashes, fragments, other versions and methods are for the parser."""
    assert read(start + b"\r\nHost: x\r\n\r\n") is None


def test_more_than_one_request_is_not_plain() -> None:
    """What is pipelined, or has a beginning of the next, goes through the parser."""
    assert read(USUAL * 2) is None
    assert read(USUAL + b"G") is None
    assert read(b"\r\n" + USUAL) is None


def test_too_many_fields_are_not_plain() -> None:
    """The limit of the configuration holds here too."""
    line = plain_line(USUAL)
    assert line is not None
    assert plain_fields(USUAL[line.end() :], 4) is not None
    assert plain_fields(USUAL[line.end() :], 3) is None

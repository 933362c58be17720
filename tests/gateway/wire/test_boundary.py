"""Where a parser stands: a request goes past it only between two."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.boundary import Boundary

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
PIECES = (
    *(GET, POST, b"hello", b"hel", b"lo", POST + b"hello", GET + GET, GET[:9], GET[9:], b"\r\n", b"\n", b"0\r\n\r\n"),
    *(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        POST + b"hellohello",
    ),
    *(b"\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 49\r\n\r\n", b"x" * 49, POST.replace(b"\r\n", b"\n")),
    *(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok",
    ),
    b"",
)


@contextmanager
def a_parser() -> Iterator[HttpRequestParser]:
    loop = asyncio.new_event_loop()
    try:
        yield HttpRequestParser(BaseProtocol(loop), loop, 2**16, auto_decompress=False)
    finally:
        loop.close()


def follow(parser: HttpRequestParser, pieces: list[bytes]) -> Boundary:
    """Feed the parser, and follow it; raises HttpProcessingError."""
    boundary = Boundary()
    for piece in pieces:
        came, _, _ = parser.feed_data(piece)
        boundary.follow(piece, cast(Any, list(came)))
    return boundary


@given(st.lists(st.sampled_from(PIECES), max_size=6))
@example([POST, b"hello"])
@example([b"\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 49\r\n\r\n"])
def test_a_parser_that_stands_between_two_takes_the_next_as_if_it_were_the_first(pieces: list[bytes]) -> None:
    """Whatever came before: heads, bodies, pieces of them, empty lines and bare line feeds."""
    with a_parser() as parser:
        try:
            boundary = follow(parser, pieces)
        except HttpProcessingError:
            return
        if not boundary.between:
            return
        ((message, payload),), _, rest = parser.feed_data(GET)
        assert (message.method, message.path, payload, rest) == ("GET", "/", EMPTY_PAYLOAD, b"")


def test_what_is_whole_is_followed() -> None:
    """Reads, writes with a length, and bodies in pieces lead to the place between two."""
    for pieces in ([], [GET], [GET, GET], [POST + b"hello"], [POST, b"hel", b"lo"], [POST, b"hello", GET]):
        with a_parser() as parser:
            assert follow(parser, pieces).between, pieces


def test_what_cannot_be_followed_ends_it_for_the_connection() -> None:
    """Chunks, heads in pieces and pipelined requests; and whoever is in a body is not between two."""
    chunked = PIECES[12:14]
    for pieces in ([POST], [POST, b"hel"], [*chunked], [GET[:9], GET[9:]], [GET + GET], [GET[:9], GET[9:], GET]):
        with a_parser() as parser:
            assert not follow(parser, list(pieces)).between, pieces

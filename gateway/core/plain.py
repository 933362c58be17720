"""Heads that are plain: written as nearly all are, so that every reader of HTTP reads the same in them.

Such a head may be handed on as the bytes that it came as. Its lines end in CR LF, its names have only letters, digits
and `-`, one space stands behind the colon, values are printable ASCII, and there is no field that means something to a
gateway but those that are read here, each once. That is a small part of RFC 9112's grammar; whatever is outside of it
is for a parser to read, and to refuse. `tests/gateway/core/test_plain.py` holds that the parsers read what is inside of
it as it is read here.

The same lines come again and again, so what a line means is remembered.
"""

import re
from collections.abc import Callable

from gateway.core.fields import PASS, Fate, fate, strip_cookies

END = b"\r\n"
KEPT = b"Connection: keep-alive"
"""The one field about the connection that a plain head may have, in this spelling."""
MAX_LINES = 8192
LONGEST = 120
"""Lines that are remembered: so many, up to this length."""
_PRINTABLE = bytes(range(0x20, 0x7F))
_LINE = re.compile(
    rb"GET (/(?!/)[A-Za-z0-9/._~!$&'()*+,;=:@-]*+)(\?[A-Za-z0-9/._~!$&'()*+,;=:@%?-]*+)? HTTP/1\.1(?=\r\n)"
)
_HOST = re.compile(rb"[A-Za-z0-9.:-]++")
_NAME = re.compile(rb"[A-Za-z0-9-]++")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_STATUSES = {b"HTTP/1.1 %d " % status: status for status in range(200, 600) if status not in (204, 304)}
"""Beginnings of answers that have a body."""
_NEED_READING = frozenset(
    {
        *(b"content-length", b"max-forwards", b"via", b"idempotency-key"),
        *(b"x-http-method", b"x-http-method-override", b"x-method-override"),
    }
)
"""Fields of requests that pass, and mean something to the gateway itself."""
_ONE_PERSONS = frozenset({b"authorization", b"cookie", b"set-cookie"})

PASSES, CONNECTION, HOST, COOKIE, DATE, LENGTH, NOT_PLAIN = range(1, 8)
"""What a line means."""


class _Lines:
    """What lines mean, by the name and value of their field, as far as that is plain."""

    def __init__(self, meaning: Callable[[bytes, bytes, Fate], int]) -> None:
        self.known: dict[bytes, int] = {}
        self._meaning = meaning

    def read(self, line: bytes) -> int:
        """Return what a line means that is not known yet."""
        name, colon, value = line.partition(b": ")
        if not colon or _NAME.fullmatch(name) is None or value.translate(None, _PRINTABLE):
            return NOT_PLAIN
        if name == b"Connection":
            meaning = CONNECTION if line == KEPT else NOT_PLAIN
        else:
            meaning = self._meaning(name, value, fate(name))
        if len(line) <= LONGEST and name.lower() not in _ONE_PERSONS:
            if len(self.known) >= MAX_LINES:
                self.known.clear()
            self.known[line] = meaning
        return meaning


def _in_request(name: bytes, value: bytes, becomes: Fate) -> int:
    if name == b"Host":
        return HOST if _HOST.fullmatch(value) is not None else NOT_PLAIN
    if name == b"Cookie":
        return COOKIE
    return PASSES if becomes is PASS and name.lower() not in _NEED_READING else NOT_PLAIN


def _in_answer(name: bytes, value: bytes, becomes: Fate) -> int:
    if name == b"Content-Length":
        return LENGTH if _LENGTH.fullmatch(value) is not None else NOT_PLAIN
    if name == b"Date":
        return DATE
    return PASSES if becomes is PASS and name.lower() not in (b"content-length", b"date") else NOT_PLAIN


_of_requests = _Lines(_in_request)
_of_answers = _Lines(_in_answer)


class PlainFields:
    """The fields of plain requests: as they `came`, from the end of the request line on, and as they are `sent` on.

    What is sent on lacks the fields about the connection, the gateway's own cookies, and the empty line at the end.
    `cookie` is the value of the field Cookie, "" where there is none.
    """

    __slots__ = ("came", "cookie", "sent")

    def __init__(self, came: bytes, sent: bytes, cookie: str) -> None:
        self.came = came
        self.sent = sent
        self.cookie = cookie


def plain_line(data: bytes) -> "re.Match[bytes] | None":
    """Return the match of a plain request line that the bytes begin with: path and query; None for others."""
    return _LINE.match(data)


def plain_fields(block: bytes, most: int) -> PlainFields | None:
    """Return the fields if the bytes are those of one plain read without a body, at most `most` of them.

    The bytes begin with the end of the request line.
    """
    if block.find(b"\r\n\r\n") != len(block) - 4:
        return None
    lines = block[2:-4].split(END)
    if len(lines) > most:
        return None
    passing, counts, cookie = [b""], [0] * (NOT_PLAIN + 1), ""
    for line in lines:
        meaning = _of_requests.known.get(line) or _of_requests.read(line)
        counts[meaning] += 1
        if meaning == COOKIE:
            value = line.partition(b": ")[2]
            cookie, left = value.decode(), strip_cookies(value)
            if left:
                passing.append(b"Cookie: " + left)
        elif meaning != CONNECTION:
            passing.append(line)
    if counts[NOT_PLAIN] or counts[HOST] != 1 or counts[COOKIE] > 1 or counts[CONNECTION] > 1:
        return None
    return PlainFields(block, END.join([*passing, b""]), cookie)


def plain_answer(data: bytes) -> tuple[int, bytes, int, bool] | None:
    """Return what the bytes say if they are one plain answer, whole, whose length is said in its head.

    That is the status, the head without what is about the connection and without its end, where the body begins, and
    whether there is a date.
    """
    status, end = _STATUSES.get(data[:13]), data.find(b"\r\n\r\n")
    if status is None or end < 0:
        return None
    lines = data[:end].split(END)
    known, length, dated, kept = _of_answers.known, -1, False, False
    for line in lines[1:]:
        meaning = known.get(line) or _of_answers.read(line)
        if meaning == PASSES:
            continue
        if meaning == LENGTH and length < 0:
            length = int(line.partition(b": ")[2])
        elif meaning == DATE and not dated:
            dated = True
        elif meaning == CONNECTION and not kept:
            kept = True
        else:
            return None
    if length != len(data) - end - 4 or lines[0].translate(None, _PRINTABLE):
        return None
    if not kept:
        return status, data[:end], end + 4, dated
    lines.remove(KEPT)
    return status, END.join(lines), end + 4, dated

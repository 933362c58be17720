"""Heads that are plain: written as nearly all are, so that every reader of HTTP reads the same in them.

Such a head may be handed on as the bytes that it came as. It has one space where one is usual, only letters, digits
and `-` in names, only printable ASCII in values, and no field that means something to a gateway. The grammar is a
small part of RFC 9112's; whatever is outside of it is for a parser to read, and to refuse. `tests/gateway/core` holds
that the parsers read everything inside of it as it is read here.
"""

import re
from collections.abc import Callable

from gateway.core.fields import PASS, Fate, fate, strip_cookies

KEPT = b"\r\nConnection: keep-alive\r\n"
"""The one field about the connection that a plain head may have, in this spelling."""
_PATH = rb"/(?!/)[A-Za-z0-9/._~!$&'()*+,;=:@-]*+"
_QUERY = rb"\?[A-Za-z0-9/._~!$&'()*+,;=:@%?-]*+"
_FIELDS = rb"(?:[A-Za-z0-9-]++: [!-~][ -~]*+\r\n)*+"
_LINE = re.compile(rb"GET (" + _PATH + rb")(" + _QUERY + rb")? HTTP/1\.1(?=\r\n)")
_BLOCK = re.compile(rb"\r\n" + _FIELDS + rb"\r\n")
_ANSWER = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) ([ -~]*+)\r\n(" + _FIELDS + rb")\r\n")
_NAMES = re.compile(rb"\r\n([A-Za-z0-9-]+): ")
_HOST = re.compile(rb"\r\nHost: [A-Za-z0-9.:-]++\r\n")
_COOKIE = re.compile(rb"\r\nCookie: ([^\r]++)")
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]{1,9})\r\n")
_NEED_READING = frozenset(
    {
        *(b"content-length", b"max-forwards", b"via", b"idempotency-key"),
        *(b"x-http-method", b"x-http-method-override", b"x-method-override"),
    }
)
"""Fields of requests that pass, and mean something to the gateway itself."""
MAX_NAMES = 4096


class _Names:
    """The names that a plain head may have: `first`, and others as they come, if they `may` be there."""

    def __init__(self, first: set[bytes], may: Callable[[bytes, Fate], bool]) -> None:
        self._first = first
        self._known = set(first)
        self._may = may

    def hold(self, names: list[bytes]) -> bool:
        """Whether all of these names may be there."""
        return self._known.issuperset(names) or all(self._learns(name) for name in names)

    def _learns(self, name: bytes) -> bool:
        if name in self._known:
            return True
        if not self._may(name.lower(), fate(name)):
            return False
        if len(self._known) >= MAX_NAMES:
            self._known = set(self._first)
        self._known.add(name)
        return True


_of_requests = _Names(
    {b"Host", b"Cookie", b"Connection"}, lambda lower, becomes: becomes is PASS and lower not in _NEED_READING
)
_of_answers = _Names(
    {b"Content-Length", b"Connection", b"Date"},
    lambda lower, becomes: becomes is PASS and lower not in (b"content-length", b"date"),
)


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
    """Return the fields if the bytes are those of one plain read without a body, at most `most` of them."""
    if _BLOCK.fullmatch(block) is None:
        return None
    names = _NAMES.findall(block)
    if len(names) > most or not _of_requests.hold(names) or names.count(b"Host") != 1 or _HOST.search(block) is None:
        return None
    sent, cookie = block[:-2], ""
    if b"Connection" in names:
        if names.count(b"Connection") > 1 or KEPT not in block:
            return None
        sent = sent.replace(KEPT, b"\r\n")
    if b"Cookie" in names:
        found = _COOKIE.search(block)
        if found is None or names.count(b"Cookie") > 1:
            return None
        cookie, left = found[1].decode(), strip_cookies(found[1])
        sent = sent.replace(found[0], b"\r\nCookie: " + left if left else b"", 1)
    return PlainFields(block, sent, cookie)


def plain_answer(data: bytes) -> tuple[int, bytes, bytes, bytes, bool] | None:
    """Return what the bytes say if they are one plain answer, whole, whose length is said in its head.

    That is the status, the reason, the lines of its fields without what is about the connection, the body, and whether
    there is a date.
    """
    match = _ANSWER.match(data)
    if match is None or match[1] in (b"204", b"304"):
        return None
    start, end = match.start(3) - 2, match.end()
    names = _NAMES.findall(data, start, end)
    if names.count(b"Content-Length") != 1 or not _of_answers.hold(names):
        return None
    length = _LENGTH.search(data, start, end)
    if length is None or int(length[1]) != len(data) - end:
        return None
    lines = match[3]
    if b"Connection" in names:
        at = data.find(KEPT, start, end)
        if at < 0 or names.count(b"Connection") > 1:
            return None
        lines = data[start + 2 : at + 2] + data[at + len(KEPT) : end - 2]
    return int(match[1]), match[2], lines, data[end:], b"Date" in names

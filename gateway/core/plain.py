"""Heads that are plain: written as nearly all are, so that every reader of HTTP reads the same in them.

Such a head may be handed on as the bytes that it came as. Its lines end in CR LF, its names have only letters, digits
and `-`, one space stands behind the colon, values are printable ASCII, and there is no field that means something to a
gateway but those that are read here, each once. That is a small part of RFC 9112's grammar; whatever is outside of it
is for a parser to read, and to refuse. `tests/gateway/core/test_plain.py` holds that the parsers read what is inside of
it as it is read here.

The same lines come again and again, so what a line means is remembered.
"""

import re

from gateway.core.fields import PASS, fate, strip_cookies

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
_NAME = re.compile(rb"[A-Za-z0-9-]{1,60}")
_STATUSES = {b"HTTP/1.1 %d " % status: status for status in range(200, 600) if status not in (204, 304)}
"""Beginnings of answers that have a body."""
_NEED_READING = frozenset(
    {
        *(b"content-length", b"max-forwards", b"via", b"idempotency-key"),
        *(b"x-http-method", b"x-http-method-override", b"x-method-override"),
    }
)
"""Fields of requests that pass, and mean something to the gateway itself."""
_ONE_PERSONS = frozenset({b"authorization", b"set-cookie"})
"""Fields that pass, and whose lines are not remembered."""

PASSES, PERSONAL, CONNECTION, HOST, COOKIE, DATE, LENGTH, NOT_PLAIN = range(1, 9)
"""What a line means."""
_FORMS = {
    CONNECTION: re.compile(rb"keep-alive"),
    HOST: re.compile(rb"[A-Za-z0-9.:-]++"),
    LENGTH: re.compile(rb"[0-9]{1,9}"),
}
"""What the values must be like of lines that mean this."""


class _Lines:
    """What lines mean, as far as they are plain: by their name, where that needs a value of its form."""

    def __init__(self, own: dict[bytes, int], also: frozenset[bytes]) -> None:
        self.known: dict[bytes, int] = {}
        self._names: dict[bytes, int] = {}
        self._own = own
        """Names with a meaning, in their usual spelling; in another one they are for a parser."""
        self._for_parsers = also | {name.lower() for name in own}

    def read(self, line: bytes) -> int:
        """Return what a line means that is not known yet."""
        name, colon, value = line.partition(b": ")
        meaning = self._names.get(name) or self._learn(name)
        form = _FORMS.get(meaning)
        if not colon or value.translate(None, _PRINTABLE) or (form is not None and form.fullmatch(value) is None):
            return NOT_PLAIN
        if len(line) <= LONGEST and meaning != COOKIE and meaning != PERSONAL:
            if len(self.known) >= MAX_LINES:
                self.known.clear()
            self.known[line] = meaning
        return meaning

    def _learn(self, name: bytes) -> int:
        if len(self._names) >= MAX_LINES:
            self._names.clear()
        meaning, lower = self._own.get(name, NOT_PLAIN), name.lower()
        if lower not in self._for_parsers and _NAME.fullmatch(name) is not None and fate(name) is PASS:
            meaning = PERSONAL if lower in _ONE_PERSONS else PASSES
        if len(name) <= LONGEST:
            self._names[name] = meaning
        return meaning


_of_requests = _Lines({b"Host": HOST, b"Cookie": COOKIE, b"Connection": CONNECTION}, _NEED_READING)
_of_answers = _Lines({b"Content-Length": LENGTH, b"Date": DATE, b"Connection": CONNECTION}, frozenset())


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
        if meaning <= PERSONAL:
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

"""Which header fields pass the gateway, in both directions (RFC 9110, 7.6.1), and which it adds.

Fields that are about one connection stay on it, and so do those that `Connection` names; a visitor's own
`Talon-*` fields and cookies never reach the backend, so nobody can claim to be let in. Fields by which proxies tell
where a request came from, or what it really asks for, pass only from trusted proxies: many backends believe them, so
a harmless path could stand for a protected one. Many backends read `_` in a name as `-`, so it counts as that here.

Names and values are bytes, as they came: what passes is not decoded, so it cannot be changed by that.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from aiohttp import HttpVersion11, web

from gateway.core.caches import steers_caches
from gateway.core.fields import (
    CONNECTION,
    COOKIE,
    DROP,
    FORWARDED_FOR,
    FORWARDED_PROTO,
    HOST,
    IF_TRUSTED,
    KNOWN_FATES,
    PASS,
    fate,
    strip_cookies,
)
from gateway.wire.answer import Fields

_UNNAMEABLE = frozenset(
    {b"host", b"content-length", b"content-type", b"cookie", b"authorization", b"x-forwarded-for", b"via"}
)
"""What `Connection` cannot take away: a client must not strip what the backend relies on (RFC 9110, 7.6.1 and 5.1)."""
VIA = b"1.1 talon"


def to_upstream(
    fields: Iterable[tuple[bytes, bytes]],
    *,
    peer: bytes,
    scheme: bytes,
    request_id: bytes,
    trusted: bool,
    host: str = "",
    without: frozenset[bytes] = frozenset(),
) -> list[bytes]:
    """Return the lines of a request's fields for a node.

    `trusted`: the peer is a proxy whose forwarding fields count. `host` is the authority of a target in absolute form,
    which wins over the field (RFC 9112, 3.2.2). `without` are names in lower case that do not pass this time.
    """
    lines: list[bytes] = []
    named = without
    before: list[bytes] = []
    for field in fields:
        becomes = KNOWN_FATES.get(field[0]) or fate(field[0])
        if becomes is PASS or (becomes is IF_TRUSTED and trusted):
            lines.append(b"%b: %b\r\n" % field)
        elif becomes is COOKIE:
            if left := strip_cookies(field[1]):
                lines.append(b"%b: %b\r\n" % (field[0], left))
        elif becomes is HOST:
            lines.append(b"%b: %b\r\n" % (field[0], host.encode("utf-8", "surrogateescape") if host else field[1]))
        elif becomes is CONNECTION:
            named |= connection_names(field[1])
        elif becomes is FORWARDED_FOR and trusted:
            before.append(field[1])
        elif becomes is FORWARDED_PROTO and trusted:
            scheme = field[1]
    if named:
        lines = without_names(lines, named - (_UNNAMEABLE - without))
    peers = b", ".join([*before, peer]) if before else peer
    lines.append(OWN_LINES % (peers, scheme, request_id))
    return lines


OWN_LINES = b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Request-Id: %b\r\nVia: " + VIA + b"\r\n"


def without_names(lines: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    """Return the lines of all fields but those of these names, which are in lower case."""
    return [line for line in lines if line.partition(b":")[0].lower() not in names]


@lru_cache(maxsize=256)
def connection_names(value: bytes) -> frozenset[bytes]:
    """Return the names in lower case that a `Connection` field lists, without those that are options only."""
    names = (name.strip().lower() for name in value.split(b","))
    return frozenset(name for name in names if name and name not in (b"close", b"keep-alive"))


def count_down(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return the fields with `Max-Forwards` one lower (RFC 9110, 7.6.2); one that is no number stays as it is."""
    return [
        (name, b"%d" % (int(value) - 1)) if name.lower() == b"max-forwards" and value.isdigit() else (name, value)
        for name, value in fields
    ]


def own_lines(request: web.BaseRequest, *, body: bytes | None, streams: bool, invited: bool) -> bytes:
    """Return the lines of a request that are about the connection to the node: framing, invitation, upgrade."""
    headers, lines = request.headers, b""
    if (streams or body) and "Content-Length" not in headers:
        lines += b"Transfer-Encoding: chunked\r\n" if streams else b"Content-Length: %d\r\n" % len(body or b"")
    if invited:
        lines += b"Expect: 100-continue\r\n"
    if "Upgrade" in headers and (upgrade := wanted_upgrade(request)):
        lines += b"Upgrade: %b\r\nConnection: upgrade\r\n" % upgrade
    if takes_trailers(request):
        lines += b"TE: trailers\r\nConnection: TE\r\n"
    return lines


def wanted_upgrade(request: web.BaseRequest) -> bytes:
    """Return the protocol that the visitor asks to switch to; b"" for none, and for HTTP/2, which ends here."""
    wanted = request.headers.get("Upgrade")
    if wanted is None or request.version < HttpVersion11 or "h2c" in wanted.lower():
        return b""
    options = ",".join(request.headers.getall("Connection", ())).lower()
    return wanted.encode("utf-8", "surrogateescape") if "upgrade" in options else b""


def takes_trailers(request: web.BaseRequest) -> bool:
    """Whether the visitor wants the fields that follow a body."""
    te = request.headers.get("TE")
    return te is not None and "trailers" in te.lower() and request.version >= HttpVersion11


def to_visitor(fields: Iterable[tuple[bytes, bytes]]) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Return the lines of an answer's fields for the visitor, order and repetition kept, and what it tells the gateway.

    That is in its `Talon-*` fields, which go no further: names in lower case, with their values.
    """
    lines: list[bytes] = []
    said: list[tuple[str, str]] = []
    named: frozenset[bytes] = frozenset()
    for field in fields:
        becomes = KNOWN_FATES.get(field[0]) or fate(field[0])
        if becomes is CONNECTION:
            named |= connection_names(field[1])
        elif becomes is not DROP:
            lines.append(b"%b: %b\r\n" % field)
        elif (lower := field[0].lower()).startswith(b"talon-"):
            said.append((lower.decode("latin-1"), field[1].decode("latin-1").strip()))
        elif lower == b"expect":
            lines.append(b"%b: %b\r\n" % field)
    if named:
        lines = without_names(lines, named - _UNNAMEABLE)
    return lines, said


def dress(lines: list[bytes], request_id: str, cookies: Sequence[str]) -> list[bytes]:
    """Return an answer's lines with the request's id and the gateway's cookies; who gets one, no cache may keep."""
    if cookies:
        lines = [line for line in lines if not steers_caches(line.partition(b":")[0].decode("latin-1"))]
        lines.append(b"Cache-Control: no-store\r\n")
        lines += [f"Set-Cookie: {cookie}\r\n".encode() for cookie in cookies]
    lines.append(b"X-Request-Id: %b\r\n" % request_id.encode())
    return lines

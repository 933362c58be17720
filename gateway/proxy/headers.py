"""Which header fields pass the gateway, in both directions (RFC 9110, 7.6.1), and which it adds.

Fields that are about one connection stay on it, and so do those that `Connection` names; a visitor's own
`Talon-*` fields and cookies never reach the backend, so nobody can claim to be let in. Fields by which proxies tell
where a request came from, or what it really asks for, pass only from trusted proxies: many backends believe them, so
a harmless path could stand for a protected one. Many backends read `_` in a name as `-`, so it counts as that here.

Names and values are bytes, as they came: what passes is not decoded, so it cannot be changed by that.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

from aiohttp import HttpVersion11, web

from gateway.core.caches import steers_caches
from gateway.wire.answer import Fields

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
COOKIES = (b"talon_ticket", b"talon_pass", b"talon_language", b"talon_auto", b"talon_proof")
_OWN = (b"expect", b"x-forwarded-for", b"x-forwarded-proto", b"x-request-id")  # written by the gateway itself
_PASS_IN_ANSWERS = frozenset({b"expect", b"x-forwarded-for", b"x-forwarded-proto"})
_PROXIES_ONLY = frozenset(
    {
        b"cf-connecting-ip",
        b"client-ip",
        b"forwarded",
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-host",
        b"x-original-host",
        b"x-original-method",
        b"x-original-uri",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)
_UNNAMEABLE = frozenset(
    {b"host", b"content-length", b"content-type", b"cookie", b"authorization", b"x-forwarded-for", b"via"}
)
"""What `Connection` cannot take away: a client must not strip what the backend relies on (RFC 9110, 7.6.1 and 5.1)."""
VIA = b"1.1 talon"


class Fate(Enum):
    """What becomes of a field of a request, by its name."""

    PASS = "pass"
    DROP = "drop"
    IF_TRUSTED = "if_trusted"
    COOKIE = "cookie"
    HOST = "host"
    FORWARDED_FOR = "forwarded_for"
    FORWARDED_PROTO = "forwarded_proto"
    CONNECTION = "connection"


MAX_FATES = 4096
_FATES: dict[bytes, Fate] = {}


def fate(name: bytes) -> Fate:
    """Return what becomes of a field of this name."""
    known = _FATES.get(name)
    if known is None:
        if len(_FATES) >= MAX_FATES:
            _FATES.clear()
        known = _FATES[name] = _fate_of(name)
    return known


def _fate_of(name: bytes) -> Fate:
    plain, lower = name.lower(), name.lower().replace(b"_", b"-")
    special = {
        b"cookie": Fate.COOKIE,
        b"host": Fate.HOST,
        b"x-forwarded-for": Fate.FORWARDED_FOR,
        b"x-forwarded-proto": Fate.FORWARDED_PROTO,
        b"connection": Fate.CONNECTION,
    }
    if plain in special:
        return special[plain]
    if lower in HOP_BY_HOP or lower in _OWN or lower.startswith(b"talon-") or lower in special:
        return Fate.DROP
    if lower == b"content-length" and plain != lower:
        return Fate.DROP
    if lower in _PROXIES_ONLY or lower.startswith(b"x-forwarded-"):
        return Fate.IF_TRUSTED
    return Fate.PASS


def to_upstream(
    fields: Iterable[tuple[bytes, bytes]],
    *,
    peer: bytes,
    scheme: bytes,
    request_id: bytes,
    trusted: bool,
    host: str = "",
    without: frozenset[bytes] = frozenset(),
) -> Fields:
    """Return the fields of a request to a node.

    `trusted`: the peer is a proxy whose forwarding fields count. `host` is the authority of a target in absolute form,
    which wins over the field (RFC 9112, 3.2.2). `without` are names in lower case that do not pass this time.
    """
    passed: Fields = []
    named: set[bytes] = set()
    before: list[bytes] = []
    for field in fields:
        name, value = field
        becomes = _FATES.get(name) or fate(name)
        if becomes is Fate.PASS or (becomes is Fate.IF_TRUSTED and trusted):
            passed.append(field)
        elif becomes is Fate.COOKIE:
            if left := strip_cookies(value):
                passed.append((name, left))
        elif becomes is Fate.HOST:
            passed.append((name, host.encode("utf-8", "surrogateescape") if host else value))
        elif becomes is Fate.CONNECTION:
            named |= connection_names(value)
        elif becomes is Fate.FORWARDED_FOR and trusted:
            before.append(value)
        elif becomes is Fate.FORWARDED_PROTO and trusted:
            scheme = value
    if named or without:
        gone = (named - _UNNAMEABLE) | without
        passed = [field for field in passed if field[0].lower() not in gone]
    passed.append((b"X-Forwarded-For", b", ".join([*before, peer]) if before else peer))
    passed.append((b"X-Forwarded-Proto", scheme))
    passed.append((b"X-Request-Id", request_id))
    passed.append((b"Via", VIA))
    return passed


@lru_cache(maxsize=256)
def connection_names(value: bytes) -> frozenset[bytes]:
    """Return the names in lower case that a `Connection` field lists, without those that are options only."""
    names = (name.strip().lower() for name in value.split(b","))
    return frozenset(name for name in names if name and name not in (b"close", b"keep-alive"))


@lru_cache(maxsize=2048)
def strip_cookies(cookie: bytes) -> bytes:
    """Return the Cookie field without the gateway's own cookies; browsers send the same one again and again."""
    if b"talon_" not in cookie:
        return cookie.strip()
    pairs = (pair.strip() for pair in cookie.split(b";"))
    return b"; ".join(pair for pair in pairs if pair and pair.split(b"=", 1)[0].rstrip() not in COOKIES)


def count_down(fields: Fields) -> Fields:
    """Return the fields with `Max-Forwards` one lower (RFC 9110, 7.6.2); one that is no number stays as it is."""
    return [
        (name, b"%d" % (int(value) - 1)) if name.lower() == b"max-forwards" and value.isdigit() else (name, value)
        for name, value in fields
    ]


def add_own(fields: Fields, request: web.BaseRequest, *, body: bytes | None, streams: bool, invited: bool) -> None:
    """Add to a request's fields what is about the connection to the node: framing, invitation, upgrade."""
    headers = request.headers
    if (streams or body) and "Content-Length" not in headers:
        fields.append((b"Transfer-Encoding", b"chunked") if streams else (b"Content-Length", b"%d" % len(body or b"")))
    if invited:
        fields.append((b"Expect", b"100-continue"))
    if "Upgrade" not in headers and "TE" not in headers:
        return
    options = []
    if upgrade := wanted_upgrade(request):
        fields.append((b"Upgrade", upgrade))
        options.append(b"upgrade")
    if takes_trailers(request):
        fields.append((b"TE", b"trailers"))
        options.append(b"TE")
    if options:
        fields.append((b"Connection", b", ".join(options)))


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


def to_visitor(fields: Sequence[tuple[bytes, bytes]]) -> tuple[Fields, list[tuple[str, str]]]:
    """Return the fields of a node's answer for the visitor, order and repetition kept, and what it tells the gateway.

    That is in its `Talon-*` fields, which go no further: names in lower case, with their values.
    """
    passed: Fields = []
    said: list[tuple[str, str]] = []
    named: frozenset[bytes] = frozenset()
    for field in fields:
        becomes = _FATES.get(field[0]) or fate(field[0])
        if becomes is Fate.CONNECTION:
            named |= connection_names(field[1])
        elif becomes is not Fate.DROP:
            passed.append(field)
        elif (lower := field[0].lower()).startswith(b"talon-"):
            said.append((lower.decode("latin-1"), field[1].decode("latin-1").strip()))
        elif lower in _PASS_IN_ANSWERS:
            passed.append(field)
    if named:
        gone = named - _UNNAMEABLE
        passed = [field for field in passed if field[0].lower() not in gone]
    return passed, said


def dress(fields: Fields, request_id: str, cookies: Sequence[str]) -> Fields:
    """Return an answer's fields with the request's id and the gateway's cookies; who gets one, no cache may keep."""
    if cookies:
        fields = [field for field in fields if not steers_caches(field[0].decode("latin-1"))]
        fields.append((b"Cache-Control", b"no-store"))
        fields += [(b"Set-Cookie", cookie.encode()) for cookie in cookies]
    fields.append((b"X-Request-Id", request_id.encode()))
    return fields

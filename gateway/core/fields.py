"""What becomes of a header field, by its name alone (RFC 9110, 7.6.1).

Fields that are about one connection stay on it; a visitor's own `Talon-*` fields never reach the backend; fields by
which proxies tell where a request came from pass only from trusted ones. Many backends read `_` in a name as `-`, so
it counts as that here. Names are bytes, as they came over the wire.
"""

from enum import Enum
from functools import lru_cache

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


PASS, DROP, IF_TRUSTED, COOKIE, HOST = Fate.PASS, Fate.DROP, Fate.IF_TRUSTED, Fate.COOKIE, Fate.HOST
FORWARDED_FOR, FORWARDED_PROTO, CONNECTION = Fate.FORWARDED_FOR, Fate.FORWARDED_PROTO, Fate.CONNECTION
"""Looking a member up in its class costs more than all the rest of reading a field."""
MAX_FATES = 4096
KNOWN_FATES: dict[bytes, Fate] = {}


def fate(name: bytes) -> Fate:
    """Return what becomes of a field of this name."""
    known = KNOWN_FATES.get(name)
    if known is None:
        if len(KNOWN_FATES) >= MAX_FATES:
            KNOWN_FATES.clear()
        known = KNOWN_FATES[name] = _fate_of(name)
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


@lru_cache(maxsize=2048)
def strip_cookies(cookie: bytes) -> bytes:
    """Return the Cookie field without the gateway's own cookies; browsers send the same one again and again."""
    if b"talon_" not in cookie:
        return cookie.strip()
    pairs = (pair.strip() for pair in cookie.split(b";"))
    return b"; ".join(pair for pair in pairs if pair and pair.split(b"=", 1)[0].rstrip() not in COOKIES)

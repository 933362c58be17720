"""Which header fields pass the gateway, in both directions (RFC 9110, 7.6.1), and which it adds.

Fields that are about one connection stay on it, and so do those that `Connection` names; a visitor's own
`Talon-*` fields and cookies never reach the backend, so nobody can claim to be let in. Fields by which proxies tell
where a request came from, or what it really asks for, pass only from trusted proxies: many backends believe them, so
a harmless path could stand for a protected one. Many backends read `_` in a name as `-`, so it counts as that here.
"""

from multidict import CIMultiDict, CIMultiDictProxy

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
COOKIES = ("talon_ticket", "talon_pass", "talon_language", "talon_auto", "talon_proof")
VISIT_HEADER = "Talon-Visit"
_OWN = ("expect", "x-forwarded-for", "x-forwarded-proto", "x-request-id")  # answered or written by the gateway itself
_PROXIES_ONLY = frozenset(
    {
        "cf-connecting-ip",
        "client-ip",
        "forwarded",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-host",
        "x-original-host",
        "x-original-method",
        "x-original-uri",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    }
)


def _connection_fields(headers: "CIMultiDictProxy[str]") -> frozenset[str]:
    named = {
        token.strip().lower()
        for value in headers.getall("Connection", ())
        for token in value.split(",")
        if token.strip()
    }
    # A client must not strip what the backend relies on by naming it (RFC 9110, 7.6.1 and 5.1).
    return HOP_BY_HOP | (
        named - {"host", "content-length", "content-type", "cookie", "authorization", "x-forwarded-for"}
    )


def to_upstream(
    headers: "CIMultiDictProxy[str]", *, peer: str, scheme: str, request_id: str, trusted: bool
) -> "CIMultiDict[str]":
    """Return the fields of a request to a node; `trusted`: the peer is a proxy whose forwarding fields count."""
    dropped = _connection_fields(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = name.lower().replace("_", "-")
        if lower in dropped or lower.startswith("talon-") or lower in _OWN:
            continue
        if not trusted and (lower in _PROXIES_ONLY or lower.startswith("x-forwarded-")):
            continue
        if lower == "cookie":
            value = strip_cookies(value)
            if not value:
                continue
        passed.add(name, value)
    before = headers.getall("X-Forwarded-For", ()) if trusted else ()
    passed["X-Forwarded-For"] = ", ".join([*before, peer])
    passed["X-Forwarded-Proto"] = headers.get("X-Forwarded-Proto", scheme) if trusted else scheme
    passed["X-Request-Id"] = request_id
    passed.add("Via", "1.1 talon")
    return passed


def strip_cookies(cookie: str) -> str:
    """Return the Cookie field without the gateway's own cookies."""
    pairs = (pair.strip() for pair in cookie.split(";"))
    return "; ".join(pair for pair in pairs if pair and pair.split("=", 1)[0].rstrip() not in COOKIES)


def to_visitor(headers: "CIMultiDictProxy[str]") -> "CIMultiDict[str]":
    """Return the fields of a node's answer for the visitor, order and repetition kept."""
    dropped = _connection_fields(headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if name.lower() not in dropped and name.lower() != VISIT_HEADER.lower():
            passed.add(name, value)
    return passed

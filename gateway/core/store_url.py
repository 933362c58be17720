"""Store URLs, taken apart before anything connects.

    redis://HOST:PORT/DB   rediss://HOST:PORT/DB   unix://PATH
    redis+sentinel://HOST:PORT[,HOST:PORT...]/SERVICE     the primary that the sentinels name, found anew on failover
    redis+cluster://HOST:PORT[,HOST:PORT...]              any node to start from; a room's keys share one slot

User and password stand before `@` as in any URL; for Sentinel they are those of the Redis servers.
"""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddress:
    """A store URL taken apart; `service` is Sentinel's name of the primary."""

    scheme: str
    url: str
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    user: str | None = None
    password: str | None = None


def parse_store(url: str) -> StoreAddress:
    """Take a store URL apart; raises ValueError that says what was expected."""
    scheme, separator, rest = url.partition("://")
    if scheme not in SCHEMES or not separator or not rest:
        raise ValueError(f"expected {', '.join(s + '://...' for s in SCHEMES)}, got {url!r}")
    if scheme in ("redis", "rediss", "unix"):
        return StoreAddress(scheme=scheme, url=url)
    credentials, _, address = rest.rpartition("@")
    hosts, _, service = address.partition("/")
    if scheme == "redis+sentinel" and not service:
        raise ValueError("expected redis+sentinel://HOST:PORT/SERVICE with the name of the service")
    user, _, password = credentials.partition(":")
    return StoreAddress(
        scheme=scheme,
        url=url,
        nodes=tuple(_node(host) for host in hosts.split(",")),
        service=service,
        user=unquote(user) or None,
        password=unquote(password) or None,
    )


def _node(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port is None:
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    return parts.hostname, parts.port

"""How a visitor's connection begins: whom it is for, and whether there is room for it."""

import asyncio
from typing import TYPE_CHECKING, Any

from gateway.wire.proxy_protocol import BadPreface, read_preface
from gateway.wire.timed import TimedConnection

if TYPE_CHECKING:
    from gateway.wire.server import VisitorServer


class GreetedConnection(TimedConnection):
    """Knows the visitor's address, which a trusted proxy may say first (PROXY protocol)."""

    __slots__ = ("_preface", "address")

    def __init__(self, server: "VisitorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self.address = b""
        self._preface: bytes | None = None
        """What has come of the header by which a proxy says whom the connection is for; None when none is expected."""

    @property
    def origin(self) -> tuple[str, bytes, bytes]:
        """The visitor's address as text and as bytes, "unknown" where it has none, and the scheme by which it came."""
        known: tuple[str, bytes, bytes] | None = self._cache.get("origin")
        if known is None:
            peer = self.peername[0] if isinstance(self.peername, tuple) else "unknown"
            known = self._cache["origin"] = peer, peer.encode(), b"https" if self.ssl_context is not None else b"http"
        return known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the server is full."""
        super().connection_made(transport)
        if self._server.expects_preface(self):
            self._preface = b""
        else:
            self._admit()

    def _admit(self) -> None:
        if (refused := self._server.refuses(self)) and self.transport is not None:
            self.transport.write(refused)
            self.force_close()

    def _read_preface(self, data: bytes) -> bytes:
        """Take the header of the PROXY protocol; returns what came behind it."""
        data = (self._preface or b"") + data
        try:
            preface = read_preface(data)
        except BadPreface:
            self.force_close()
            return b""
        if preface is None:
            self._preface = data
            return b""
        self._preface = None
        if preface.peer is not None:
            self._cache["peername"] = preface.peer
        self._admit()
        return data[preface.length :]

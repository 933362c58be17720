"""All visitors' connections of one gateway: how many there may be, and the one watch over their time limits."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.core.address import is_trusted
from gateway.core.connection_policy import ConnectionPolicy
from gateway.wire.batch import Batch
from gateway.wire.greeted import GreetedConnection
from gateway.wire.own_answers import own_answer
from gateway.wire.relayed import Done, Response
from gateway.wire.visitor import Handler, VisitorConnection

FULL = own_answer(503, "connections_full", "Too many connections are open; ask again after the time given.", 5)


Quick = Callable[[web.BaseRequest, Done], Awaitable[Response] | None]
"""Begins to answer a request and tells `Done`, or returns what is to be awaited for its answer."""


class VisitorServer(web.Server):
    """aiohttp's server with connections of our own; `policy` is read at each use, so it may be exchanged."""

    def __init__(
        self, handler: Handler, policy: ConnectionPolicy, trusted: tuple[str, ...] = (), **options: Any
    ) -> None:
        super().__init__(handler, **options)  # type: ignore[arg-type]
        self.handler = handler
        self.quick: Quick | None = None
        """What begins requests without a body at once, if anything does."""
        self.policy = policy
        self.batch = Batch(self._loop)
        self.trusted = trusted
        """Proxies: they may say for whom they connect, and may have any number of connections."""
        self.now = self._loop.time()
        """The loop's time, a look old at most: good enough for limits of seconds, and free."""
        self._addresses: Counter[bytes] = Counter()
        self._watch: asyncio.Task[None] | None = None

    def __call__(self) -> VisitorConnection:
        """Return the protocol for a new connection."""
        if self._watch is None:
            self._watch = self._loop.create_task(self._look_after())
        policy = self.policy
        return VisitorConnection(
            self,
            loop=self._loop,
            keepalive_timeout=0,
            auto_decompress=False,
            access_log=None,
            max_line_size=policy.max_line,
            max_field_size=policy.max_field,
            max_headers=policy.max_fields,
            **self._kwargs,
        )

    def expects_preface(self, connection: GreetedConnection) -> bool:
        """Whether a proxy is to say first whom the connection is for (`connections.proxy_protocol`)."""
        return self.policy.proxy_protocol and self._is_proxy(connection)

    def _is_proxy(self, connection: GreetedConnection) -> bool:
        peer = connection.peername
        return not isinstance(peer, tuple) or is_trusted(peer[0], self.trusted)

    def refuses(self, connection: GreetedConnection) -> bytes:
        """Count a connection in; returns the answer to one that is too much, else b""."""
        if len(self._connections) > self.policy.max_connections:
            return FULL
        if self.policy.per_address and isinstance(connection.peername, tuple) and not self._is_proxy(connection):
            connection.address = connection.peername[0].encode()
            self._addresses[connection.address] += 1
            if self._addresses[connection.address] > self.policy.per_address:
                return FULL
        return b""

    def forget(self, connection: VisitorConnection) -> None:
        """Count a connection out."""
        if connection.address:
            self._addresses[connection.address] -= 1
            if self._addresses[connection.address] <= 0:
                del self._addresses[connection.address]
            connection.address = b""

    async def shutdown(self, timeout: float | None = None) -> None:
        """Let open requests end within the time, then end all connections."""
        await super().shutdown(timeout)
        if self._watch is not None:
            self._watch.cancel()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(self.policy.look)
            self.now = self._loop.time()
            for connection in self.connections:
                connection.look(self.now)  # type: ignore[attr-defined]

"""Connections to nodes: kept while idle, newest used first; one watch ends those whose node has fallen silent."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.wire.batch import Batch
from gateway.wire.errors import NodeUnreachable
from gateway.wire.node_connection import NodeConnection

MAX_IDLE = 256
"""Idle connections that are kept to one node."""


@dataclass(slots=True, kw_only=True)
class Patience:
    """How long each step may take, in seconds. `idle` must be shorter than nodes keep an idle connection."""

    connect: float
    answer: float
    idle: float

    @property
    def look(self) -> float:
        """Time between two looks of the watch."""
        return min(1.0, max(0.01, min(self.answer, self.idle) / 20))


@dataclass(slots=True)
class _Target:
    idle: list[NodeConnection] = field(default_factory=list)
    all: set[NodeConnection] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS to a node; without a `name` it must have that of its URL."""

    context: ssl.SSLContext
    name: str = ""


class Connections:
    """Owns every connection to the nodes; `tls` is by node, for those whose URL is https."""

    def __init__(self, patience: Patience, tls: Mapping[str, Tls]) -> None:
        self.patience = patience
        self.tls = tls
        self._targets: dict[str, _Target] = {}
        self._batch: Batch | None = None
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._watch = asyncio.create_task(self._look_after())

    async def close(self) -> None:
        """End all connections."""
        if self._watch is not None:
            self._watch.cancel()
        for target in self._targets.values():
            for connection in list(target.all):
                connection.transport.abort()

    def idle(self, node: str) -> NodeConnection | None:
        """Return an idle connection to the node, the one that was used last, or None."""
        target = self._targets.get(node)
        while target is not None and target.idle:
            connection = target.idle.pop()
            if connection.reusable and not connection.transport.is_closing():
                return connection
        return None

    async def connect(self, node: str) -> NodeConnection:
        """Make a new connection; raises NodeUnreachable when the node refuses it or takes too long."""
        target = self._targets.setdefault(node, _Target())
        batch = self._batch = self._batch or Batch(asyncio.get_running_loop())
        parts = urlsplit(node)
        tls = self.tls.get(node)

        def make() -> NodeConnection:
            return NodeConnection(batch, target.idle.append, lost)

        def lost(connection: NodeConnection) -> None:
            target.all.discard(connection)
            if connection in target.idle:
                target.idle.remove(connection)

        try:
            async with asyncio.timeout(self.patience.connect):
                _, connection = await asyncio.get_running_loop().create_connection(
                    make,
                    parts.hostname or "",
                    parts.port or (443 if tls else 80),
                    ssl=tls.context if tls else None,
                    server_hostname=(tls.name or parts.hostname) if tls else None,
                )
        except TimeoutError:
            raise NodeUnreachable(f"{node} did not take a connection in {self.patience.connect:g} s") from None
        except OSError as error:  # a failed handshake too
            raise NodeUnreachable(f"{node}: {error.strerror or error}") from error
        if not connection.transport.is_closing():  # what is lost already has been taken out before it came in
            target.all.add(connection)
        return connection

    async def _look_after(self) -> None:
        while True:
            look = self.patience.look
            await asyncio.sleep(look)
            for target in self._targets.values():
                for connection in list(target.all):
                    self._look_at(connection, look)
                del target.idle[:-MAX_IDLE]

    def _look_at(self, connection: NodeConnection, look: float) -> None:
        connection.quiet += 1
        if connection.end is not None:
            connection.quiet = 0  # a tunnel may be silent
        elif not connection.busy:
            if connection.quiet * look > self.patience.idle and connection.sent_whole:
                connection.transport.abort()
        elif connection.holding or connection.waits_for_visitor:
            connection.quiet = 0  # it is not the node that is waited for
        elif connection.quiet * look > self.patience.answer:
            connection.give_up(TimeoutError("no answer in time"))

"""A tunnel between a visitor and a node, for what follows a 101: bytes both ways as they come, until both have ended.

Each side may end its direction alone. A side that does not keep up stops the other one from sending, so a tunnel holds
no more than the buffers of two sockets.
"""

import asyncio
import contextlib

from gateway.wire.node_connection import NodeConnection
from gateway.wire.visitor import VisitorConnection


class Tunnel:
    """Owns both directions while it lasts; it is the far end of each connection (`Tunnelled`, `NodeEnd`)."""

    def __init__(self, visitor: VisitorConnection, node: NodeConnection) -> None:
        self._visitor = visitor
        self._node = node
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._visitor_ended = False
        self._node_ended = False

    async def run(self) -> None:
        """Return when both directions have ended."""
        self._node.tunnel(self)
        self._visitor.tunnel(self)
        try:
            await self._ended
        finally:
            self._node.transport.close()
            if self._visitor.transport is not None:
                self._visitor.transport.close()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes of the visitor."""
        if not self._node.transport.is_closing():
            self._node.transport.write(data)
        return False, b""

    def feed_eof(self) -> None:
        """The visitor's connection is gone."""
        self._end()

    def visitor_ended(self) -> bool:
        """The visitor sends no more."""
        self._visitor_ended = True
        return self._hand_on(self._node.transport)

    def hold(self, hold: bool) -> None:
        """Take no more from the node for now, or go on."""
        _hold(self._node.transport, hold)

    def from_node(self, data: bytes) -> None:
        """Take bytes of the node."""
        self._visitor.write(data)

    def node_ended(self) -> bool:
        """The node sends no more."""
        self._node_ended = True
        return self._hand_on(self._visitor.transport)

    def node_lost(self) -> None:
        """The node's connection is gone."""
        self._end()

    def hold_visitor(self, hold: bool) -> None:
        """Take no more from the visitor for now, or go on."""
        if self._visitor.transport is not None:
            _hold(self._visitor.transport, hold)

    def _hand_on(self, transport: asyncio.Transport | None) -> bool:
        if self._visitor_ended and self._node_ended:
            self._end()
            return False
        if transport is None or transport.is_closing() or not transport.can_write_eof():
            self._end()
            return False
        transport.write_eof()
        return True

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


def _hold(transport: asyncio.Transport, hold: bool) -> None:
    with contextlib.suppress(RuntimeError):  # it is closing
        if hold:
            transport.pause_reading()
        else:
            transport.resume_reading()

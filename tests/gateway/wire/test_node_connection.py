"""A connection to a node that has become a tunnel."""

import asyncio
import socket
from contextlib import closing

from gateway.wire.answer import Answer
from gateway.wire.batch import Batch
from gateway.wire.connections import Connections, Patience
from gateway.wire.node_connection import NodeConnection

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"


class Far:
    """The other end of a tunnel, which only has to be there."""

    def from_node(self, data: bytes) -> None:
        """Take bytes."""

    def node_ended(self) -> bool:
        """Keep the other direction."""
        return True

    def node_lost(self) -> None:
        """Hear that it is over."""

    def hold_visitor(self, hold: bool) -> None:
        """Hear that the node takes no more, or more."""


async def switched() -> tuple[NodeConnection, Answer, socket.socket]:
    """Return a connection behind a 101, the answer, and the node's end."""
    loop = asyncio.get_running_loop()
    near, node = socket.socketpair()
    _, connection = await loop.create_connection(
        lambda: NodeConnection(Batch(loop), lambda _: None, lambda _: None), sock=near
    )
    node.sendall(SWITCH)
    answer = await connection.begin(b"GET / HTTP/1.1\r\n\r\n", method="GET", whole=True)
    connection.tunnel(Far())
    return connection, answer, node


async def test_what_lies_in_a_tunnel_is_sent_before_it_closes() -> None:
    """The node reads late; closing the answer that began the tunnel does not break it off."""
    connection, answer, node = await switched()
    with closing(node):
        connection.transport.write(b"x" * 20_000_000)
        connection.transport.close()
        answer.close()
        node.settimeout(10.0)
        got = 0
        while part := await asyncio.to_thread(node.recv, 1 << 20):
            got += part.count(b"x")
        assert got == 20_000_000


async def test_a_tunnel_may_be_silent() -> None:
    """No time limit of the node's ends it."""
    connection, _, node = await switched()
    with closing(node):
        watch = Connections(Patience(connect=1.0, answer=0.2, idle=0.2), {})
        for _ in range(1000):
            watch._look_at(connection, watch.patience.look)
        assert not connection.transport.is_closing()
        connection.transport.abort()

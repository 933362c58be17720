"""A read that is sent and answered without a task: most requests wait for nothing but the node.

What is more than that, a failure or an answer that comes in pieces, is handed on to be awaited (`go_on`).
"""

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING

from gateway.core.retry_budget import RETRIED_STATUSES, Failed
from gateway.errors import UpstreamFailed
from gateway.proxy.bodies import relay_interim
from gateway.proxy.node import Node
from gateway.proxy.pool import Pool
from gateway.proxy.relay import relay_at_once
from gateway.proxy.upstream import AttemptFailed, Exchange, Sending
from gateway.wire.answer import Answer
from gateway.wire.errors import NodeBroke
from gateway.wire.node_connection import NodeConnection
from gateway.wire.relayed import Done, Relayed, Response, raised

if TYPE_CHECKING:
    from gateway.proxy.forward import Forwarder


class AtOnce:
    """Waits for the head of one answer in the place of a future."""

    __slots__ = ("_connection", "_done", "_forwarder", "_node", "_over", "_pool", "_sending", "_started")

    def __init__(
        self,
        forwarder: "Forwarder",
        sending: Sending,
        pool: Pool,
        node: Node,
        connection: NodeConnection,
        done: Done,
    ) -> None:
        self._forwarder = forwarder
        self._sending = sending
        self._pool = pool
        self._node = node
        self._connection = connection
        self._done = done
        self._over = False
        self._started = forwarder.clock()

    def begin(self) -> None:
        """Send the request."""
        sending = self._sending
        self._node.asking.add(self._connection)
        sending.visitor.on_gone = self._gone
        head = self._forwarder.upstream.head(sending)
        interim = partial(relay_interim, sending.visitor)
        self._connection.begin_for(self, head, method=sending.request.method, whole=True, interim=interim)

    def done(self) -> bool:
        """Whether nothing is waited for any more."""
        return self._over

    def set_result(self, answer: Answer, /) -> None:
        """Relay the answer if all of it is there."""
        self._end()
        forwarder, sending, pool = self._forwarder, self._sending, self._pool
        exchange = Exchange(self._node, self._connection, answer)
        exchange.latency = forwarder.clock() - self._started
        forwarder.note_answer(sending, pool, exchange)
        again = answer.status in RETRIED_STATUSES
        try:
            relayed: Relayed | Awaitable[Response] | None = None if again else relay_at_once(sending, exchange)
        except Exception as error:  # noqa: BLE001 - a defect must not keep the place, or leave the visitor waiting
            relayed = raised(error)
        if relayed is None:
            self._done(forwarder.go_on(sending, pool, exchange))
            return
        exchange.close()
        sending.free()
        self._done(relayed)

    def set_exception(self, error: Exception, /) -> None:
        """Let somebody decide whether to ask again."""
        self._end()
        self._forwarder.release(self._sending, self._pool, self._node, None)
        if isinstance(error, TimeoutError):
            how, failed = Failed.TIMEOUT, UpstreamFailed("timeout", f"{self._node.url} gave no answer")
        else:
            how, failed = Failed.NO_ANSWER, UpstreamFailed("read", f"{self._node.url}: {error}")
        self._done(self._forwarder.go_on(self._sending, self._pool, AttemptFailed(how, failed)))

    def exception(self) -> None:
        """Nothing is left to be asked for."""

    def _gone(self) -> None:
        """The visitor has gone: the node is told, and known to be at least that slow."""
        self._end()
        self._forwarder.release(self._sending, self._pool, self._node, self._forwarder.clock() - self._started)
        self._connection.give_up(NodeBroke("the visitor has gone"))
        self._done(None)

    def _end(self) -> None:
        self._over = True
        self._sending.visitor.on_gone = None
        self._node.asking.discard(self._connection)

"""A read that is sent and answered without a task: most requests wait for nothing but the node.

What is more than that, a failure or an answer that comes in pieces, is handed on to be awaited (`go_on`).
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.core.classify import origin_form
from gateway.core.need import Need
from gateway.core.retry_budget import RETRIED_STATUSES, Failed
from gateway.errors import UpstreamFailed
from gateway.ports import Prepare
from gateway.proxy.node import Node
from gateway.proxy.pool import Pool
from gateway.proxy.relay import relay_at_once, relay_plain
from gateway.proxy.upstream import AttemptFailed, Exchange, Sending
from gateway.wire.answer import Answer, WholeAnswer
from gateway.wire.errors import NodeBroke
from gateway.wire.node_connection import NodeConnection
from gateway.wire.plain_request import PlainRequest
from gateway.wire.relayed import Done, Relayed, Response, raised
from gateway.wire.visitor import connection_of

if TYPE_CHECKING:
    from gateway.proxy.forward import Forwarder


class AtOnce(Sending):
    """Waits for the head of one answer in the place of a future."""

    __slots__ = ("_connection", "_done", "_forwarder", "_node", "_over", "_pool", "_started")

    def __init__(
        self,
        forwarder: "Forwarder",
        request: web.BaseRequest,
        pool: Pool,
        node: Node,
        connection: NodeConnection,
        *,
        request_id: str,
        prepare: Prepare,
        most: int,
        need: Need,
        done: Done,
    ) -> None:
        self.request = request
        self.target = request.raw_path if type(request) is PlainRequest else origin_form(request.raw_path)
        self.visitor = connection_of(request)
        self.request_id = request_id
        self.prepare = prepare
        self.need = need
        self.most = most
        self.body = self.held = self.latency = None
        self.streams = self.shared = self.kept = self.uninvited = self.broken = self.freed = self._over = False
        self.tried = [node.url]
        self._forwarder = forwarder
        self._pool = pool
        self._node = node
        self._connection = connection
        self._done = done
        self._started = forwarder.clock()

    def begin(self) -> None:
        """Send the request."""
        self._node.asking.add(self._connection)
        self.visitor.on_gone = self._gone
        head = self._forwarder.upstream.head(self)
        self._connection.begin_for(self, head, method=self.request.method, whole=True, interim=self.hand_on)

    def done(self) -> bool:
        """Whether nothing is waited for any more."""
        return self._over

    def set_result(self, answer: Answer, /) -> None:
        """Relay the answer if all of it is there."""
        self._end()
        latency = self._forwarder.clock() - self._started
        if type(answer) is WholeAnswer and answer.status not in RETRIED_STATUSES:
            self._relay_whole(answer, latency)
        else:
            self._relay(answer, latency)

    def _relay_whole(self, answer: WholeAnswer, latency: float) -> None:
        forwarder, pool, node = self._forwarder, self._pool, self._node
        forwarder.note_latency(pool, node, latency)
        relayed: Relayed | Awaitable[Response]
        try:
            relayed = relay_plain(self, answer)
        except Exception as error:  # noqa: BLE001 - a defect must not keep the place, or leave the visitor waiting
            relayed = raised(error)
        forwarder.release(self, pool, node, None if answer.status >= 500 else latency)
        self._done(relayed)

    def _relay(self, answer: Answer, latency: float) -> None:
        forwarder, pool = self._forwarder, self._pool
        exchange = Exchange(self._node, self._connection, answer)
        exchange.latency = latency
        forwarder.note_answer(self, pool, exchange)
        again = answer.status in RETRIED_STATUSES
        try:
            relayed: Relayed | Awaitable[Response] | None = None if again else relay_at_once(self, exchange)
        except Exception as error:  # noqa: BLE001 - as above
            relayed = raised(error)
        if relayed is None:
            self._done(forwarder.go_on(self, pool, exchange))
            return
        exchange.close()
        self.free()
        self._done(relayed)

    def set_exception(self, error: Exception, /) -> None:
        """Let somebody decide whether to ask again."""
        self._end()
        self._forwarder.release(self, self._pool, self._node, None)
        if isinstance(error, TimeoutError):
            how, failed = Failed.TIMEOUT, UpstreamFailed("timeout", f"{self._node.url} gave no answer")
        else:
            how, failed = Failed.NO_ANSWER, UpstreamFailed("read", f"{self._node.url}: {error}")
        self._done(self._forwarder.go_on(self, self._pool, AttemptFailed(how, failed)))

    def exception(self) -> None:
        """Nothing is left to be asked for."""

    def _gone(self) -> None:
        """The visitor has gone: the node is told, and known to be at least that slow."""
        self._end()
        self._forwarder.release(self, self._pool, self._node, self._forwarder.clock() - self._started)
        self._connection.give_up(NodeBroke("the visitor has gone"))
        self._done(None)

    def _end(self) -> None:
        self._over = True
        self.visitor.on_gone = None
        self._node.asking.discard(self._connection)

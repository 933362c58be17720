"""Forwarding one request to a pool and its answer back, both streamed.

The path is sent as it came. A request is sent twice only where that does no harm, and within the pool's budget
(`core/retry_budget.py`). Every wait has a limit; a failure before the first byte of the answer is UpstreamFailed,
after it the connection to the visitor is broken, so that half an answer is never taken for a whole one.
"""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from gateway.core.classify import origin_form
from gateway.core.limits.slowdown import kind_of
from gateway.core.need import Need
from gateway.core.retry_budget import RETRIED_STATUSES, SAFE, Failed
from gateway.errors import UpstreamFailed, VisitorFailed
from gateway.ports import Prepare
from gateway.proxy.at_once import AtOnce
from gateway.proxy.hedge import LOST, race
from gateway.proxy.node import Node
from gateway.proxy.pool import Pool
from gateway.proxy.relay import relay, relay_at_once
from gateway.proxy.upstream import AttemptFailed, Exchange, Sending, Upstream
from gateway.telemetry.metrics import Metrics
from gateway.wire.errors import NodeBroke
from gateway.wire.relayed import Done, Response
from gateway.wire.visitor import GONE, connection_of

ORDINARY = Need()


class Forwarder:
    """Decides who is asked, and again or not; `send` answers the visitor."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        upstream: Upstream,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self.pools = pools
        self.upstream = upstream
        self._metrics = metrics
        self.clock = clock

    async def send(
        self,
        request: web.BaseRequest,
        pool_name: str,
        *,
        request_id: str,
        prepare: Prepare,
        most: int,
        need: Need = ORDINARY,
        body: bytes | None = None,
        shared: bool = False,
    ) -> Response:
        """Forward to the pool and stream the answer; `prepare(said)` gives cookies for it and hears what the node says.

        `body` is the request's body if it has been read already; without it the body is streamed. A `shared` request is
        sent as a stranger's; its answer, and that to a request with `body`, is returned whole if it is small.
        """
        pool = self.pools[pool_name]
        sending = _sending(request, request_id, prepare, most, need, body=body, shared=shared)
        pool.budget.note_request()
        return await self._send(sending, pool)

    def send_at_once(
        self,
        request: web.BaseRequest,
        pool_name: str,
        *,
        request_id: str,
        prepare: Prepare,
        most: int,
        need: Need,
        done: Done,
    ) -> bool:
        """Begin to forward a read without a body if nothing has to be waited for before it is sent; else False.

        `done` is called once: with the answer that has been relayed, with what is to be awaited for it, or with None
        when the visitor has gone.
        """
        pool = self.pools[pool_name]
        if pool.policy.retries.hedge_after:
            return False
        node = pool.take_at_once(need)
        if node is None:
            return False
        connection = self.upstream.idle(node)
        if connection is None:
            pool.give_back(node, need)
            return False
        pool.budget.note_request()
        AtOnce(
            self,
            request,
            pool,
            node,
            connection,
            request_id=request_id,
            prepare=prepare,
            most=most,
            need=need,
            done=done,
        ).begin()
        return True

    async def _send(self, sending: Sending, pool: Pool) -> Response:
        """Ask one node after the other until there is an answer or no more may be asked."""
        visitor, need = sending.visitor, sending.need
        if sending.streams:
            await sending.read_small_body()
        visitor.abandonable = sending.request.method in SAFE and not sending.shared
        try:
            while True:
                node = pool.take_at_once(need, sending.tried)
                if node is None:
                    node = await pool.acquire(self.upstream.settings.queue_timeout, need, sending.tried)
                sending.tried.append(node.url)
                try:
                    response = await self._attempt(sending, pool, node)
                except AttemptFailed as failed:
                    if not self._again(sending, pool, failed.how):
                        raise failed.error from failed
                    continue
                if response is not None:
                    return response
        finally:
            visitor.abandonable = False

    def _again(self, sending: Sending, pool: Pool, how: Failed) -> bool:
        """Whether the request is sent once more, which is counted; only one whose body is still whole can be."""
        request = sending.request
        whole = how is Failed.NOT_SENT or sending.whole
        keyed = sending.body is not None and "Idempotency-Key" in request.headers
        again = whole and pool.budget.spend(how, request.method, attempt=len(sending.tried), keyed=keyed)
        if again:
            self._metrics.retries.labels(pool.name).inc()
        return again

    async def _attempt(self, sending: Sending, pool: Pool, node: Node) -> Response | None:
        """Ask one node and answer the visitor; None when its answer is to be asked for again elsewhere.

        Raises AttemptFailed when there was no answer, and nothing has been sent to the visitor.
        """
        after = pool.policy.retries.hedge_after
        if after and sending.request.method in SAFE and not sending.streams:
            exchange = await self._hedged(sending, pool, node, after)
        else:
            exchange = await self._asked_of(sending, pool, node)
        self.note_answer(sending, pool, exchange)
        return await self._relayed(sending, pool, exchange)

    def note_latency(self, pool: Pool, node: Node, latency: float) -> None:
        """Note how long a node took until the head of its answer was there, in seconds."""
        self._metrics.upstream_duration.note(latency, pool.name, node.url)

    def note_answer(self, sending: Sending, pool: Pool, exchange: Exchange) -> None:
        """Take what the head of an answer says of its node."""
        self.note_latency(pool, exchange.node, exchange.latency)
        sending.latency = None if exchange.answer.status >= 500 else exchange.latency
        if not sending.freed:
            sending.held = partial(self.release, sending, pool, exchange.node)

    async def _relayed(self, sending: Sending, pool: Pool, exchange: Exchange) -> Response | None:
        """Answer the visitor; None when the answer is to be asked for again elsewhere."""
        try:
            if exchange.answer.status in RETRIED_STATUSES and self._again(sending, pool, Failed.NO_ANSWER):
                return None
            return relay_at_once(sending, exchange) or await relay(sending, exchange)
        except TimeoutError as error:
            sending.latency = None
            silent = f"{exchange.node.url} did not go on with its answer"
            raise AttemptFailed(Failed.TIMEOUT, UpstreamFailed("timeout", silent)) from error
        except NodeBroke as error:
            sending.latency = None
            raise AttemptFailed(Failed.NO_ANSWER, UpstreamFailed("read", f"{exchange.node.url}: {error}")) from error
        finally:
            exchange.close()
            sending.free()

    async def _hedged(self, sending: Sending, pool: Pool, node: Node, after: float) -> Exchange:
        """Return the answer of the node, or of another one if that was asked too and was faster."""

        def second() -> Coroutine[Any, Any, Exchange] | None:
            other = pool.take(sending.need, sending.tried, strictly=True)
            if other is None:
                return None
            if not self._again(sending, pool, Failed.NO_ANSWER):
                pool.give_back(other, sending.need)
                return None
            sending.tried.append(other.url)
            return self._asked_of(sending, pool, other)

        def drop(late: Exchange) -> None:
            late.close()
            self.release(sending, pool, late.node, late.latency)

        return await race(self._asked_of(sending, pool, node), after=after, second=second, drop=drop)

    async def _asked_of(self, sending: Sending, pool: Pool, node: Node) -> Exchange:
        """Ask one node, whose place is given back if there is no answer; raises AttemptFailed."""
        started = self.clock()
        latency: float | None = None
        sending.freed = False
        if sending.streams:
            # A visitor who is slow with the body says nothing of the node: its place is only lent on.
            sending.held = lambda _: pool.give_back(node, sending.need)
        try:
            exchange = await self.upstream.ask(sending, node)
        except BaseException as error:
            if error.args in ((LOST,), (GONE,)) or isinstance(error, VisitorFailed):
                latency = self.clock() - started  # it is at least that slow
            if not sending.freed:
                sending.held = None
                self.release(sending, pool, node, latency)
            raise
        exchange.latency = self.clock() - started
        return exchange

    def release(self, sending: Sending, pool: Pool, node: Node, latency: float | None) -> None:
        """Give a place at a node back."""
        kind = kind_of(sending.request.method, sending.target)
        pool.release(node, kind, latency, sending.need)

    async def go_on(self, sending: Sending, pool: Pool, exchange: Exchange | AttemptFailed) -> Response:
        """Go on with what was sent at once: with an answer that is not whole, or after a failure."""
        visitor = sending.visitor
        visitor.abandonable = True
        try:
            if isinstance(exchange, AttemptFailed):
                raise exchange
            response = await self._relayed(sending, pool, exchange)
        except AttemptFailed as failed:
            if not self._again(sending, pool, failed.how):
                raise failed.error from failed
            response = None
        finally:
            visitor.abandonable = False
        return response or await self._send(sending, pool)


def _sending(
    request: web.BaseRequest,
    request_id: str,
    prepare: Prepare,
    most: int,
    need: Need,
    *,
    body: bytes | None,
    shared: bool,
) -> Sending:
    return Sending(
        request=request,
        target=origin_form(request.raw_path),
        visitor=connection_of(request),
        request_id=request_id,
        prepare=prepare,
        need=need,
        body=body,
        streams=body is None and request.can_read_body,
        shared=shared,
        most=most,
        kept=shared or body is not None,
    )

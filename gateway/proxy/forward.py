"""Forwarding one request to a pool and its answer back, both streamed.

The path is sent as it came. A request is sent twice only where that does no harm, and within the pool's budget
(`core/retry_budget.py`). Every wait has a limit; a failure before the first byte of the answer is UpstreamFailed,
after it the connection to the visitor is broken, so that half an answer is never taken for a whole one.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from gateway.core.classify import origin_form
from gateway.core.limits.slowdown import kind_of
from gateway.core.need import Need
from gateway.core.retry_budget import RETRIED_STATUSES, SAFE, Failed
from gateway.errors import UpstreamFailed
from gateway.proxy.headers import VISIT_HEADER, to_visitor
from gateway.proxy.hedge import LOST, race
from gateway.proxy.node import Node
from gateway.proxy.pool import Pool
from gateway.proxy.upstream import AttemptFailed, Sending, Upstream
from gateway.telemetry.metrics import Metrics

CHUNK = 65536
ORDINARY = Need()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A node's answer, its head at least, and after how many seconds it came."""

    node: Node
    answer: aiohttp.ClientResponse
    latency: float


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
        self._clock = clock

    async def send(
        self,
        request: web.BaseRequest,
        pool_name: str,
        *,
        request_id: str,
        prepare: Callable[["CIMultiDict[str]", bool], None],
        need: Need = ORDINARY,
        body: bytes | None = None,
        shared: bool = False,
    ) -> web.StreamResponse:
        """Forward to the pool and stream the answer; `prepare(fields, ended)` may add fields to the answer.

        `body` is the request's body if it has been read already; without it the body is streamed. A `shared` request is
        sent as a stranger's, and answered whole if its answer is small.
        """
        pool = self.pools[pool_name]
        sending = Sending(request=request, request_id=request_id, prepare=prepare, need=need, body=body, shared=shared)
        pool.budget.note_request()
        while True:
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

    def _again(self, sending: Sending, pool: Pool, how: Failed) -> bool:
        """Whether the request is sent once more, which is counted; only one whose body is still whole can be."""
        request = sending.request
        whole = how is Failed.NOT_SENT or sending.body is not None or not request.can_read_body
        keyed = sending.body is not None and "Idempotency-Key" in request.headers
        again = whole and pool.budget.spend(how, request.method, attempt=len(sending.tried), keyed=keyed)
        if again:
            self._metrics.retries.labels(pool.name).inc()
        return again

    async def _attempt(self, sending: Sending, pool: Pool, node: Node) -> web.StreamResponse | None:
        """Ask one node and answer the visitor; None when its answer is to be asked for again elsewhere.

        Raises AttemptFailed when there was no answer, and nothing has been sent to the visitor.
        """
        asked = await self._asked(sending, pool, node)
        latency = None if asked.answer.status >= 500 else asked.latency
        try:
            async with asked.answer as answer:
                if answer.status in RETRIED_STATUSES and self._again(sending, pool, Failed.NO_ANSWER):
                    return None
                fields = to_visitor(answer.headers)
                sending.prepare(fields, answer.headers.get(VISIT_HEADER, "").lower() == "end")
                return await self._relay(sending, answer, fields)
        except TimeoutError as error:
            silent = f"{asked.node.url} did not go on with its answer"
            raise AttemptFailed(Failed.TIMEOUT, UpstreamFailed("timeout", silent)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise AttemptFailed(Failed.NO_ANSWER, UpstreamFailed("read", f"{asked.node.url}: {error}")) from error
        finally:
            self._release(sending, pool, asked.node, None if sending.broken else latency)

    async def _asked(self, sending: Sending, pool: Pool, node: Node) -> Asked:
        """Return the answer of the node, or of another one if that was asked too and was faster."""
        after = pool.policy.retries.hedge_after
        first = self._asked_of(sending, pool, node)
        if not after or sending.request.method not in SAFE or sending.request.can_read_body:
            return await first

        def second() -> Coroutine[Any, Any, Asked] | None:
            other = pool.take(sending.need, sending.tried, strictly=True)
            if other is None:
                return None
            if not self._again(sending, pool, Failed.NO_ANSWER):
                pool.give_back(other, sending.need)
                return None
            sending.tried.append(other.url)
            return self._asked_of(sending, pool, other)

        def drop(late: Asked) -> None:
            late.answer.close()
            self._release(sending, pool, late.node, late.latency)

        return await race(first, after=after, second=second, drop=drop)

    async def _asked_of(self, sending: Sending, pool: Pool, node: Node) -> Asked:
        """Ask one node, whose place is given back if there is no answer; raises AttemptFailed."""
        started = self._clock()
        latency: float | None = None
        try:
            answer = await self.upstream.ask(sending, node)
        except BaseException as error:
            if error.args == (LOST,):
                latency = self._clock() - started  # it is at least that slow
            self._release(sending, pool, node, latency)
            raise
        latency = self._clock() - started
        self._metrics.upstream_duration.labels(pool.name, node.url).observe(latency)
        return Asked(node=node, answer=answer, latency=latency)

    def _release(self, sending: Sending, pool: Pool, node: Node, latency: float | None) -> None:
        kind = kind_of(sending.request.method, origin_form(sending.request.raw_path))
        pool.release(node, kind, latency, sending.need)

    async def _relay(
        self, sending: Sending, answer: aiohttp.ClientResponse, fields: "CIMultiDict[str]"
    ) -> web.StreamResponse:
        request, length = sending.request, answer.content_length
        begun: bytes | None = None
        if request.method != "HEAD":
            if length is not None and length <= CHUNK:
                begun = await answer.read()
            elif (sending.shared or sending.body is not None) and length is None:
                begun = await _beginning(answer)  # who reads the request whole wants to keep its answer
        if begun is not None and (length is not None or answer.content.at_eof()):
            fields.popall("Content-Length", None)
            return web.Response(status=answer.status, reason=answer.reason, headers=fields, body=begun)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=fields)
        await response.prepare(request)
        try:
            if begun:
                await response.write(begun)
            async for chunk in _rest(sending, answer):
                await response.write(chunk)
        except (aiohttp.ClientError, TimeoutError, OSError):
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


async def _rest(sending: Sending, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Give the rest of an answer, and note when it breaks off: that is the node's failure, not the visitor's."""
    try:
        while chunk := await answer.content.read(CHUNK):
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError):
        sending.broken = True
        raise


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of an answer of unknown length: all of them if they are at most CHUNK."""
    begun = bytearray()
    async for part in answer.content.iter_any():
        begun += part
        if len(begun) > CHUNK:
            break
    return bytes(begun)

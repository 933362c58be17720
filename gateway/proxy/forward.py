"""Forwarding one request to a pool and its answer back, both streamed.

The path is sent as it came. A request is sent twice only where that does no harm, and within the pool's budget
(`core/retry_budget.py`). Every wait has a limit; a failure before the first byte of the answer is UpstreamFailed,
after it the connection to the visitor is broken, so that half an answer is never taken for a whole one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from gateway.core.address import is_trusted
from gateway.core.classify import origin_form
from gateway.core.limits.slowdown import kind_of
from gateway.core.need import Need
from gateway.core.origin_proof import FIELD, prove
from gateway.core.retry_budget import RETRIED_STATUSES, SAFE, Failed
from gateway.errors import UpstreamFailed
from gateway.expect import invite_body
from gateway.proxy.headers import VISIT_HEADER, to_upstream, to_visitor
from gateway.proxy.node import Node
from gateway.proxy.pool import Pool
from gateway.settings import ProxySettings
from gateway.telemetry.metrics import Metrics

_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
CHUNK = 65536
PERSONAL = (
    "Cookie",
    "Authorization",
    "If-None-Match",
    "If-Modified-Since",
    "If-Match",
    "If-Unmodified-Since",
    "If-Range",
)
"""Fields that a request which is sent for many does not carry."""
ORDINARY = Need()


class AttemptFailed(Exception):
    """One attempt at one node gave no answer; `error` is what the visitor is told if it was the last."""

    def __init__(self, how: Failed, error: UpstreamFailed) -> None:
        super().__init__(str(error))
        self.how = how
        self.error = error


@dataclass(slots=True, kw_only=True)
class Sending:
    """One request on its way, and the nodes that it has been sent to."""

    request: web.BaseRequest
    request_id: str
    prepare: Callable[["CIMultiDict[str]", bool], None]
    need: Need
    body: bytes | None
    shared: bool
    broken: bool = False
    tried: list[str] = field(default_factory=list)


class Forwarder:
    """Owns the pools and the client connections; `send` answers the visitor."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        settings: ProxySettings,
        metrics: Metrics,
        clock: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.pools = pools
        self.settings = settings
        self._metrics = metrics
        self._clock = clock
        self._wall = wall
        self.origin_secret: bytes | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client; connections are made on demand and kept."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0, force_close=False)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTO,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self.settings.connect_timeout, sock_read=self.settings.read_timeout
            ),
        )
        # By itself it repeats what it holds to be idempotent, PUT and DELETE too, outside of every budget.
        self._session._retry_connection = False

    async def close(self) -> None:
        """Close all connections to nodes."""
        if self._session is not None:
            await self._session.close()

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
            node = await pool.acquire(self.settings.queue_timeout, need, sending.tried)
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
        request, started = sending.request, self._clock()
        latency: float | None = None
        try:
            if sending.body is None:
                await invite_body(request)
            async with await self._first_bytes(sending, node) as answer:
                latency = self._clock() - started
                self._metrics.upstream_duration.labels(pool.name, node.url).observe(latency)
                if answer.status >= 500:
                    latency = None
                if answer.status in RETRIED_STATUSES and self._again(sending, pool, Failed.NO_ANSWER):
                    return None
                fields = to_visitor(answer.headers)
                sending.prepare(fields, answer.headers.get(VISIT_HEADER, "").lower() == "end")
                return await self._relay(sending, answer, fields)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise AttemptFailed(Failed.NOT_SENT, UpstreamFailed("connect", str(error))) from error
        except TimeoutError as error:
            raise AttemptFailed(Failed.TIMEOUT, UpstreamFailed("timeout", f"{node.url} gave no answer")) from error
        except (aiohttp.ClientError, OSError) as error:
            raise AttemptFailed(Failed.NO_ANSWER, UpstreamFailed("read", f"{node.url}: {error}")) from error
        finally:
            kind = kind_of(request.method, origin_form(request.raw_path))
            pool.release(node, kind, None if sending.broken else latency, sending.need)

    async def _first_bytes(self, sending: Sending, node: Node) -> aiohttp.ClientResponse:
        """Return the answer when its head is there; a safe request is given up when the node is found dead."""
        wait = asyncio.timeout(None)
        try:
            async with wait:
                if sending.request.method in SAFE:
                    node.asking.add(wait)
                return await self._ask(sending, node)
        except TimeoutError as error:
            if not wait.expired():
                raise
            raise AttemptFailed(Failed.NO_ANSWER, UpstreamFailed("read", f"{node.url} is down")) from error
        finally:
            node.asking.discard(wait)

    def proof(self, method: str, target: str) -> dict[str, str]:
        """Return the field that proves to a node that a request comes from here; none where no secret is shared."""
        if self.origin_secret is None:
            return {}
        return {FIELD: prove(self.origin_secret, self._wall(), method, target)}

    async def _ask(self, sending: Sending, node: Node) -> aiohttp.ClientResponse:
        assert self._session is not None, "start() comes first"
        request = sending.request
        peer = request.remote or "unknown"
        url = URL(node.url + origin_form(request.raw_path), encoded=True)
        headers = to_upstream(
            request.headers,
            peer=peer,
            scheme=request.scheme,
            request_id=sending.request_id,
            trusted=is_trusted(peer, self.settings.trusted_proxies),
        )
        if sending.shared:
            for name in PERSONAL:
                headers.popall(name, None)
        headers.extend(self.proof(request.method, url.raw_path_qs))
        streamed = request.content if request.can_read_body else None
        data = streamed if sending.body is None else sending.body
        return await self._session.request(request.method, url, headers=headers, data=data, allow_redirects=False)

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

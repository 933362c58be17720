"""Forwarding one request to a pool and its answer back, both streamed.

The path is sent as it came. A request is never sent twice: whether a lost answer may be asked for again is not
decided here. Every wait has a limit; a failure before the first byte of the answer is UpstreamFailed, after it the
connection to the visitor is broken, so that half an answer is never taken for a whole one.
"""

import time
from collections.abc import Callable, Mapping

import aiohttp
from aiohttp import HttpVersion11, web
from multidict import CIMultiDict
from yarl import URL

from gateway.core.address import is_trusted
from gateway.core.classify import origin_form
from gateway.core.limits.slowdown import kind_of
from gateway.core.origin_proof import FIELD, prove
from gateway.errors import UpstreamFailed
from gateway.proxy.headers import VISIT_HEADER, to_upstream, to_visitor
from gateway.proxy.pool import Node, Pool
from gateway.settings import ProxySettings
from gateway.telemetry.metrics import Metrics

_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
CHUNK = 65536


async def _invite_body(request: web.BaseRequest) -> None:
    """Tell a client that waits with its body (`Expect: 100-continue`) to send it; nodes are not asked first."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


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
    ) -> web.StreamResponse:
        """Forward to the pool and stream the answer; `prepare(fields, ended)` may add fields to the answer."""
        pool = self.pools[pool_name]
        node = await pool.acquire(self.settings.queue_timeout)
        started = self._clock()
        latency: float | None = None
        try:
            await _invite_body(request)
            async with self._ask(request, node, request_id) as answer:
                latency = self._clock() - started
                self._metrics.upstream_duration.labels(pool_name, node.url).observe(latency)
                fields = to_visitor(answer.headers)
                prepare(fields, answer.headers.get(VISIT_HEADER, "").lower() == "end")
                if answer.status >= 500:
                    latency = None
                return await self._relay(request, answer, fields)
        except aiohttp.ClientConnectorError as error:
            raise UpstreamFailed("connect", str(error)) from error
        except TimeoutError as error:
            raise UpstreamFailed("timeout", f"{node.url} gave no answer") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamFailed("read", f"{node.url}: {error}") from error
        finally:
            pool.release(node, kind_of(request.method, origin_form(request.raw_path)), latency)

    def proof(self, method: str, target: str) -> dict[str, str]:
        """Return the field that proves to a node that a request comes from here; none where no secret is shared."""
        if self.origin_secret is None:
            return {}
        return {FIELD: prove(self.origin_secret, self._wall(), method, target)}

    def _ask(self, request: web.BaseRequest, node: Node, request_id: str) -> "aiohttp.client._RequestContextManager":
        assert self._session is not None, "start() comes first"
        peer = request.remote or "unknown"
        url = URL(node.url + origin_form(request.raw_path), encoded=True)
        headers = to_upstream(
            request.headers,
            peer=peer,
            scheme=request.scheme,
            request_id=request_id,
            trusted=is_trusted(peer, self.settings.trusted_proxies),
        )
        headers.extend(self.proof(request.method, url.raw_path_qs))
        return self._session.request(
            request.method,
            url,
            headers=headers,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        )

    async def _relay(
        self, request: web.BaseRequest, answer: aiohttp.ClientResponse, fields: "CIMultiDict[str]"
    ) -> web.StreamResponse:
        length = answer.content_length
        if length is not None and length <= CHUNK and request.method != "HEAD":
            body = await answer.read()
            fields.popall("Content-Length", None)
            return web.Response(status=answer.status, reason=answer.reason, headers=fields, body=body)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=fields)
        await response.prepare(request)
        try:
            async for chunk in answer.content.iter_chunked(CHUNK):
                await response.write(chunk)
        except (aiohttp.ClientError, TimeoutError, OSError):
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response

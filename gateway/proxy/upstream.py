"""Asking one node: the request as it is sent, and the head of the answer or why there is none."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from gateway.core.address import is_trusted
from gateway.core.classify import origin_form
from gateway.core.need import Need
from gateway.core.origin_proof import FIELD, prove
from gateway.core.retry_budget import SAFE, Failed
from gateway.errors import UpstreamFailed
from gateway.expect import invite_body
from gateway.proxy.headers import to_upstream
from gateway.proxy.node import Node
from gateway.settings import ProxySettings

_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
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


class Upstream:
    """Owns the client connections to nodes."""

    def __init__(self, settings: ProxySettings, wall: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.origin_secret: bytes | None = None
        self._wall = wall
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

    async def ask(self, sending: Sending, node: Node) -> aiohttp.ClientResponse:
        """Return a node's answer when its head is there; raises AttemptFailed."""
        try:
            if sending.body is None:
                await invite_body(sending.request)
            return await self._first_bytes(sending, node)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise AttemptFailed(Failed.NOT_SENT, UpstreamFailed("connect", str(error))) from error
        except TimeoutError as error:
            raise AttemptFailed(Failed.TIMEOUT, UpstreamFailed("timeout", f"{node.url} gave no answer")) from error
        except (aiohttp.ClientError, OSError) as error:
            raise AttemptFailed(Failed.NO_ANSWER, UpstreamFailed("read", f"{node.url}: {error}")) from error

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

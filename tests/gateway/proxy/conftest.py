"""Two ends around the forwarder: a small backend and a gateway of nothing but forwarding, on loopback."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest
from aiohttp import web

from gateway.core.connection_policy import ConnectionPolicy
from gateway.core.limits.policy import LimitPolicy
from gateway.core.pool_policy import PoolPolicy
from gateway.core.waitline import LinePolicy
from gateway.errors import UpstreamFailed, VisitorFailed
from gateway.proxy.forward import Forwarder
from gateway.proxy.pool import Pool
from gateway.proxy.upstream import Upstream
from gateway.sections import ProxySettings
from gateway.telemetry.metrics import Metrics
from gateway.wire.relayed import Response
from gateway.wire.server import VisitorServer

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def listening(server: web.Server) -> AsyncIterator[tuple[str, int]]:
    """Serve on a free port of the loopback; gives host and port."""
    runner = web.ServerRunner(server, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield host, port
    finally:
        await runner.cleanup()


@dataclass
class Ends:
    """The gateway's address, what failed there, and the pool."""

    host: str
    port: int
    pool: Pool
    failures: list[UpstreamFailed] = field(default_factory=list)
    said: list[dict[str, str]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def connected(self) -> "AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]":
        """A connection to the gateway; everything on it must happen within ten seconds."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            async with asyncio.timeout(10):
                yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def raw(self, request: bytes) -> bytes:
        """Send bytes, return all that comes back until the gateway closes."""
        async with self.connected() as (reader, writer):
            writer.write(request)
            return await reader.read()

    async def get(self, target: str, method: str = "GET", *fields: str, body: bytes = b"") -> tuple[bytes, bytes]:
        """Ask once on a connection of its own; returns head and body."""
        lines = [f"{method} {target} HTTP/1.1", "Host: portal", "Connection: close", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        head, _, rest = (await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)).partition(b"\r\n\r\n")
        return head, rest


@contextlib.asynccontextmanager
async def forwarding(urls: tuple[str, ...], proxy: ProxySettings) -> AsyncIterator[Ends]:
    """A gateway that forwards everything to `urls`; a failure is a 599 with its kind."""
    pool = Pool.build(
        "primary",
        urls,
        PoolPolicy(limit=LimitPolicy(initial=50), line=LinePolicy(most=10)),
        clock=time.monotonic,
        chance=Random(1).random,
    )
    forwarder = Forwarder({"primary": pool}, Upstream(proxy), Metrics(), time.monotonic)
    ends = Ends("", 0, pool)

    async def handle(request: web.BaseRequest) -> Response:
        def prepare(said: Sequence[tuple[str, str]]) -> list[str]:
            ends.said.append(dict(said))
            return ["talon_pass=x"]

        try:
            return await forwarder.send(request, "primary", request_id="r1", prepare=prepare, most=1_000_000)
        except UpstreamFailed as error:
            ends.failures.append(error)
            return web.Response(status=599, text=error.kind)
        except VisitorFailed as error:
            return web.Response(status=error.status, text=error.code)

    await forwarder.upstream.start()
    try:
        async with listening(VisitorServer(handle, ConnectionPolicy())) as (ends.host, ends.port):
            yield ends
    finally:
        await forwarder.upstream.close()


QUICK = ProxySettings(connect_timeout=1.0, read_timeout=0.3, queue_timeout=0.2)


@pytest.fixture
def through() -> "Callable[[Handler], contextlib.AbstractAsyncContextManager[Ends]]":
    """Forwarding in front of a backend handler: `async with through(handler) as ends`."""

    @contextlib.asynccontextmanager
    async def both(handler: Handler) -> AsyncIterator[Ends]:
        backend = listening(web.Server(handler, auto_decompress=False))
        async with backend as (host, port), forwarding((f"http://{host}:{port}",), QUICK) as ends:
            yield ends

    return both


async def echo(request: web.BaseRequest) -> web.Response:
    """Answer with what came: target, method, length of the body."""
    body = await request.content.read()
    return web.json_response({"target": request.raw_path, "method": request.method, "body": len(body)})

"""The whole way of a request: a gate as `talon serve` builds it, its real forwarder, and a backend that records bytes.

Visitors are raw sockets, because a client library tidies what an attacker would not.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.core.connection_policy import ConnectionPolicy
from gateway.core.limits.policy import LimitPolicy
from gateway.core.pool_policy import PoolPolicy
from gateway.core.waitline import LinePolicy
from gateway.proxy.forward import Forwarder
from gateway.proxy.pool import Pool
from gateway.proxy.upstream import Upstream
from gateway.sections import ProxySettings
from gateway.telemetry.metrics import Metrics
from gateway.web.gate import Gate
from gateway.wire.server import VisitorServer
from tests.conftest import until
from tests.gateway.web.conftest import ROOM, Portal, settings_of

LONGEST_HEAD = 200_000


@dataclass
class Backend:
    """A node that keeps every byte of every request and answers 200 with `fields`, once it is `free` to.

    A `broken` one hangs up.
    """

    asked: list[bytes] = field(default_factory=list)
    fields: tuple[str, ...] = ()
    broken: bool = False
    free: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0

    def __post_init__(self) -> None:
        self.free.set()

    async def came(self, count: int) -> None:
        """Return when so many requests have been received."""
        await until(lambda: len(self.asked) >= count, what=f"{count} requests at the backend")

    async def left(self) -> None:
        """Return when all connections have been closed."""
        await until(lambda: self.connections == 0, what="the backend's connections are closed")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it is closed."""
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next((int(x.split(b":")[1]) for x in lines if x.startswith(b"content-length:")), 0)
                body = await reader.readexactly(length)
                if b"transfer-encoding: chunked" in lines:
                    body = await reader.readuntil(b"0\r\n\r\n")
                self.asked.append(head + body)
                if self.broken:
                    break
                await self.free.wait()
                answer = ["HTTP/1.1 200 OK", "Content-Length: 0", *self.fields]
                writer.write("\r\n".join(answer).encode() + b"\r\n\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.connections -= 1

    def fields_of(self, name: str) -> list[str]:
        """The values of a field in the last request, however its name was written."""
        lines = self.asked[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return [value.strip() for key, _, value in pairs if key.lower() == name.lower()]


@dataclass(frozen=True)
class Answer:
    """What came back: status, field lines and body."""

    status: int
    head: str
    body: bytes

    @classmethod
    def read(cls, raw: bytes) -> "Answer":
        head, _, body = raw.partition(b"\r\n\r\n")
        return cls(int(head.split(b" ", 2)[1]), head.decode(), body)

    def all(self, name: str) -> list[str]:
        """Return all values of a field, in order."""
        pairs = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return [value.strip() for key, _, value in pairs if key.lower() == name.lower()]

    def cookie(self, name: str) -> str:
        """The value that the answer sets for a cookie; empty when it sets none."""
        found = [value for value in self.all("Set-Cookie") if value.startswith(f"{name}=")]
        return found[0].partition("=")[2].partition(";")[0] if found else ""


class Entrance(Portal):
    """A portal whose gate forwards for real; `ask` is a visitor on a raw socket."""

    backend: Backend

    @contextlib.asynccontextmanager
    async def connected(self, request: bytes) -> AsyncIterator[asyncio.StreamReader]:
        """Send bytes as they are on a connection of their own; what follows must happen within ten seconds."""
        host, _, port = self.visitors.removeprefix("http://").partition(":")
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(request)
                yield reader
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def raw(self, request: bytes) -> bytes:
        """Return all bytes that come back until the gateway closes."""
        async with self.connected(request) as reader:
            return await reader.read()

    async def ask(self, target: str, *fields: str, method: str = "GET", body: bytes = b"") -> Answer:
        """Ask once on a connection of its own; the target is sent as it is written."""
        lines = [f"{method} {target} HTTP/1.1", "Host: portal", "Connection: close", *fields]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
        async with self.connected(request) as reader:
            answer = Answer.read(await reader.readuntil(b"\r\n\r\n"))
            # The gateway may wait a while for a body that was announced; its answer is complete before.
            length = 0 if method == "HEAD" else int((*answer.all("Content-Length"), "0")[0])
            return replace(answer, body=await reader.readexactly(length))

    async def admitted(self) -> str:
        """Let one visitor in and return the pass; the room is full afterwards."""
        answer = await self.ask("/booking")
        await self.close()
        self.backend.asked.clear()
        return answer.cookie("talon_pass")

    async def waiting(self) -> str:
        """Let one visitor join the full room and return the ticket."""
        return (await self.ask("/booking")).cookie("talon_ticket")


def _pool(name: str, url: str, clock: Callable[[], float]) -> Pool:
    return Pool.build(
        name,
        (url,),
        PoolPolicy(limit=LimitPolicy(initial=100), line=LinePolicy(most=10)),
        clock=clock,
        chance=lambda: 0.5,
    )


async def _listen(entrance: Entrance, stack: contextlib.AsyncExitStack) -> None:
    server = VisitorServer(Gate(entrance.site).handle, ConnectionPolicy())
    visitors = web.ServerRunner(server, shutdown_timeout=1.0)
    await visitors.setup()
    stack.push_async_callback(visitors.cleanup)
    await web.TCPSite(visitors, "127.0.0.1", 0).start()
    entrance.visitors = "http://{}:{}".format(*visitors.addresses[0])


async def _start(
    stack: contextlib.AsyncExitStack, folder: Path, trusted: tuple[str, ...], rules: dict[str, Any]
) -> Entrance:
    backend = Backend()
    node = await asyncio.start_server(backend.serve, "127.0.0.1", 0, limit=LONGEST_HEAD)
    stack.callback(node.close)
    stack.push_async_callback(backend.left)
    url = "http://{}:{}".format(*node.sockets[0].getsockname()[:2])
    proxy = ProxySettings(max_body=1000, trusted_proxies=trusted, read_timeout=5.0)
    clock = asyncio.get_running_loop().time
    forwarder = Forwarder(
        {name: _pool(name, url, clock) for name in ("primary", "backup")}, Upstream(proxy), Metrics(), clock
    )
    await forwarder.upstream.start()
    stack.push_async_callback(forwarder.upstream.close)
    settings = settings_of(folder, **rules).model_copy(update={"proxy": proxy})
    entrance = Entrance(folder, settings, upstream=forwarder)  # type: ignore[arg-type]
    entrance.backend = backend
    stack.callback(entrance.site.access_log.close)
    await entrance.store.open(ROOM, None)
    await entrance.tick(2)
    await _listen(entrance, stack)
    return entrance


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """`await start(trusted=..., **room_settings)` gives an entrance; nobody is a trusted proxy unless named."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(trusted: tuple[str, ...] = (), **rules: object) -> Entrance:
            return await _start(stack, tmp_path, trusted, rules)

        yield begin


@pytest.fixture
async def free(start: Callable[..., Any]) -> Entrance:
    """An entrance with free capacity; its visitors come from an address that is not trusted."""
    entrance: Entrance = await start()
    return entrance


@pytest.fixture
async def full(free: Entrance) -> Entrance:
    """An entrance whose room is full: who has no pass waits."""
    await free.close()
    return free


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is sent, the server meets no error of its own; requests that are not HTTP it may note as such."""
    yield
    records = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR and r.exc_info]
    own = [r.exc_info for r in records if not isinstance(r.exc_info[1], HttpProcessingError)]
    assert own == []

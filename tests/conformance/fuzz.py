"""Fuzzing the request path: `python -m tests.conformance.fuzz --minutes 10 [--seed N]`, a part of `make proof`.

Requests and answers are made of valid pieces that are cut, doubled, swapped and strewn with bytes on which parsers
disagree. They go through a whole gateway in this process, to a node that reads with another parser (h11). Whatever is
sent: nothing is raised in the gateway, what reaches the node is valid HTTP and no more requests than were sent, what
comes back is valid HTTP or a broken connection, and nothing is left behind.
"""

import argparse
import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import h11
from aiohttp import web

from gateway.build import build, room_options
from gateway.settings import Settings
from gateway.store.answers import MemoryAnswers
from gateway.store.memory_room import MemoryRooms
from tests.conformance.heads import HEAD, heads

LINES = [
    b"GET / HTTP/1.1",
    b"POST /login HTTP/1.1",
    b"HEAD /a?b HTTP/1.1",
    b"GET http://x/y HTTP/1.1",
    b"PUT /%2f HTTP/1.0",
]
LINES += [b"OPTIONS * HTTP/1.1", b"DELETE /bookings/1 HTTP/1.1", b"GET /doctors HTTP/1.1", b"CONNECT x:1 HTTP/1.1"]
FIELDS = [b"Host: x", b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"Connection: close"]
FIELDS += [b"Connection: keep-alive, X-A", b"X-A: 1", b"Expect: 100-continue", b"Upgrade: websocket", b"TE: trailers"]
FIELDS += [
    b"Connection: Upgrade",
    b"Cookie: talon_pass=a.b.c; a=b",
    b"Accept: text/html",
    b"X-B: \xff\xe9",
    b"Via: 1.1 talon",
]
FIELDS += [
    b"Content_Length: 3",
    b"Transfer-Encoding: identity",
    b"Idempotency-Key: abc",
    b"Max-Forwards: 0",
    b"Host: y",
]
HARMLESS = [
    b"X-A: 1",
    b"Accept: text/html",
    b"Cookie: talon_pass=a.b.c; a=b",
    b"Connection: keep-alive",
    b"X-B: \xff\xe9",
]
HARMLESS += [b"X-Empty:", b"x-c:1", b"Idempotency-Key: abc", b"Connection: keep-alive, X-A", b"X-Long: " + b"y" * 900]
READS = [b"GET / HTTP/1.1", b"GET /doctors?a=%20 HTTP/1.1", b"GET /a/%2f HTTP/1.1", b"HEAD /a HTTP/1.1"]
WRITES = [b"POST /login HTTP/1.1", b"PUT /a HTTP/1.1"]
FRAMED = [
    (b"Content-Length: 5", b"hello"),
    (b"Content-Length: 0", b""),
    (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
]
BODIES = [
    b"",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    b"0\r\n\r\n",
    b"2\r\nab\r\n",
    b"zz",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    b"HTTP/1.1 304 Not\r\nETag: a\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 3\r\n\r\nno!",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbytes",
    b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70000,
]
ODD = [
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b"\xff",
    b"\r\n",
    b"\r\n\r\n",
    b",",
    b"0",
    b"-1",
    b"\x0b",
    b"\x7f",
    b"%00",
]


def mutated(chance: Random, data: bytes) -> bytes:
    """Return the bytes with a few faults, most often none."""
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 5])):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            data = data[:at] + chance.choice(ODD) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + chance.randrange(1, 20) :]
        elif kind == 2:
            end = at + chance.randrange(1, 40)
            data = data[:end] + data[at:end] + data[end:]
        elif kind == 3:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        else:
            data = data[:at]
    return data


def some_request(chance: Random) -> bytes:
    """Return a request, or nearly one."""
    if chance.random() < 0.6:
        return mutated(chance, some_valid_request(chance))
    fields = chance.sample(FIELDS, chance.randrange(0, 6))
    if chance.random() < 0.8 and b"Host: x" not in fields:
        fields.insert(0, b"Host: x")
    data = b"\r\n".join([chance.choice(LINES), *fields]) + b"\r\n\r\n" + chance.choice(BODIES)
    return mutated(chance, data)


def some_valid_request(chance: Random) -> bytes:
    """Return a request with a body that is framed as its fields say."""
    framing, body = chance.choice([(b"", b""), (b"", b""), *FRAMED])
    fields = [b"Host: x", *chance.sample(HARMLESS, chance.randrange(0, 5)), *([framing] if framing else [])]
    line = chance.choice(WRITES if framing else READS)
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n" + body


class Failed(AssertionError):
    """What must not happen has happened."""


@dataclass
class Ground:
    """A gateway and its node in this process, and what has gone wrong in them."""

    chance: Random
    address: tuple[str, int] = ("", 0)
    wrong: list[str] = field(default_factory=list)
    reached: int = 0
    pools: Any = None

    async def node(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read with another parser, and answer something."""
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    data = await reader.read(65536)
                    connection.receive_data(data)
                    if not data:
                        return
                elif isinstance(event, h11.Request):
                    self.reached += 1
                    if self.chance.random() < 0.1:
                        break  # answers early
                elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)) or event is h11.PAUSED:
                    break
            writer.write(mutated(self.chance, self.chance.choice(ANSWERS)))
            await writer.drain()
        except h11.RemoteProtocolError as error:
            if "connection" not in str(error) and "incomplete" not in str(error):
                self.wrong.append(f"the node got what is no HTTP: {error}")
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def visit(self, data: bytes) -> None:
        """Send bytes in a few pieces, and look at what comes back."""
        reader, writer = await asyncio.open_connection(*self.address)
        answers = bytearray()
        try:
            async with asyncio.timeout(15):
                cut = self.chance.randrange(len(data) + 1)
                for piece in (data[:cut], data[cut:]):
                    writer.write(piece)
                    await asyncio.sleep(0)
                if writer.can_write_eof():
                    writer.write_eof()
                while more := await reader.read(65536):
                    answers += more
        except ConnectionError:
            pass
        except TimeoutError:
            self.wrong.append("the gateway did not end the connection")
        finally:
            writer.close()
        self._check(bytes(answers))

    def _check(self, answers: bytes) -> None:
        for head in heads(answers):
            if HEAD.fullmatch(head) is None:
                self.wrong.append(f"what came back is no head: {head[:200]!r}")
            if head[9:12] == b"500":
                self.wrong.append("the gateway answered 500")
        if b"Traceback" in answers:
            self.wrong.append(f"what came back should not have: {answers[:200]!r}")


class _Listening(logging.Handler):
    def __init__(self, wrong: list[str]) -> None:
        super().__init__()
        self._wrong = wrong

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what the server complains about."""
        self._wrong.append(f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else ''}")


@contextlib.asynccontextmanager
async def ground(chance: Random) -> AsyncIterator[Ground]:
    """Start both ends."""
    with tempfile.TemporaryDirectory(prefix="talon-fuzz-") as folder:
        made = Ground(chance)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: made.wrong.append(str(context)))
        node = await asyncio.start_server(made.node, "127.0.0.1", 0)
        host, port = node.sockets[0].getsockname()[:2]
        settings = Settings(  # type: ignore[call-arg]
            pools={"primary": {"nodes": [f"http://{host}:{port}"], "outliers": {"consecutive": 0}}},
            rooms={"booking": {"paths": ["/doctors"]}},
            data_dir=Path(folder),
            proxy={"read_timeout": "5s", "max_body": 100_000},
            connections={"half_closed": "3s", "head_timeout": "5s", "body_timeout": "5s"},
        )
        store = MemoryRooms({name: room_options(rules) for name, rules in settings.rooms.items()}, time.time)
        await store.open("booking", None)
        parts = build(settings, store, MemoryAnswers(time.time))
        parts.visitors._kwargs["logger"] = logging.Logger("fuzz")
        parts.visitors._kwargs["logger"].addHandler(_Listening(made.wrong))
        await parts.forwarder.upstream.start()
        runner = web.ServerRunner(parts.visitors, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.address, made.pools = runner.addresses[0][:2], parts.pools
        try:
            yield made
        finally:
            await runner.cleanup()
            await parts.forwarder.upstream.close()
            parts.site.access_log.close()
            node.close()


async def fuzz(seed: int, seconds: float, most: int = 10**9) -> int:
    """Send requests until the time is over; returns how many connections that were, raises Failed."""
    chance, done, end = Random(seed), 0, time.monotonic() + seconds
    async with ground(chance) as made:
        while time.monotonic() < end and done < most:
            sent = [b"".join(some_request(chance) for _ in range(chance.choice([1, 1, 1, 2, 4]))) for _ in range(16)]
            made.reached = 0
            await asyncio.gather(*(made.visit(data) for data in sent))
            done += len(sent)
            lines = sum(data.count(b"HTTP/1.") for data in sent)
            if made.reached > 3 * lines:  # a failed read may be asked again
                made.wrong.append(f"{made.reached} requests reached the node where {lines} were sent")
            if made.wrong:
                raise Failed(f"seed {seed}, after {done}: {made.wrong[:3]}; sent {sent!r}"[:6000])
        for _ in range(200):
            inflight = sum(node.inflight for pool in made.pools.values() for node in pool.nodes)
            if not inflight:
                break
            await asyncio.sleep(0.05)
        else:
            raise Failed(f"seed {seed}: {inflight} requests are still counted as under way")
    return done


def main() -> None:
    """Fuzz for a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    done = asyncio.run(fuzz(given.seed, given.minutes * 60))
    print(f"{done} connections, seed {given.seed}: nothing found")


if __name__ == "__main__":
    main()

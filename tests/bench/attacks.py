"""`make bench PART=attacks`: thousands of slow visitors, and what a quiet connection holds.

One visitor asks for small pages one after the other while others send heads or bodies byte by byte, or do not read
what they have asked for. The gateway has its default limits; its memory is read from the kernel.
"""

import argparse
import asyncio
import contextlib
import resource
import time
from collections.abc import Awaitable, Callable
from statistics import median, quantiles

import psutil

from tests.bench.contenders import GIANT, node, start_talon
from tests.bench.wrk import on_cpu
from tests.integration.portal import opened_portal

REQUEST = b"GET /1KB HTTP/1.1\r\nHost: portal\r\n\r\n"
Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a head byte by byte."""
    for byte in b"GET / HTTP/1.1\r\nHost: portal\r\nX-A: " + b"x" * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(1)


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announce a body and send it byte by byte."""
    writer.write(b"PUT /up/a HTTP/1.1\r\nHost: portal\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await asyncio.sleep(1)


async def slow_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for ten megabytes and read nothing."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /10MB HTTP/1.1\r\nHost: portal\r\n\r\n")
    await asyncio.sleep(3600)


async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask once and keep the connection."""
    writer.write(REQUEST)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(1024)
    await asyncio.sleep(3600)


async def attack(address: str, kind: Attack) -> None:
    """Be one slow visitor, again and again when cut off."""
    host, _, port = address.rpartition(":")
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, int(port), limit=2048)
            try:
                await kind(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(1)


async def asks(address: str, seconds: float) -> list[float]:
    """Ask fifty times a second on one connection and return how long each answer took."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"the ordinary visitor was answered {head!r} {await reader.read(1000)!r}")
        await reader.readexactly(1024)
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.02)
    writer.close()
    return took


async def giants(address: str, process: psutil.Process) -> None:
    """Fetch a gigabyte and send one, and look at the memory meanwhile."""
    host, _, port = address.rpartition(":")
    largest = 0
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /1GB HTTP/1.1\r\nHost: portal\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    left = GIANT
    while left:
        left -= len(await reader.read(1 << 20))
        largest = max(largest, process.memory_info().rss)
    writer.write(b"PUT /up/giant HTTP/1.1\r\nHost: portal\r\nContent-Length: %d\r\n\r\n" % GIANT)
    for _ in range(GIANT // 1_000_000):
        writer.write(b"x" * 1_000_000)
        await writer.drain()
        largest = max(largest, process.memory_info().rss)
    status = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
    writer.close()
    print(f"\nA gigabyte fetched and a gigabyte sent (answered {status}): at most {largest / 1e6:.0f} MB.")


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[-1]


async def measure(address: str, pid: int, given: argparse.Namespace) -> None:
    """Run the attacks one after the other beside an ordinary visitor."""
    process = psutil.Process(pid)
    await asks(address, 2)
    await giants(address, process)
    print("\n| beside | p50 ms | p95 ms | p95 over that before | MB | processor |")
    print("|---|---|---|---|---|---|")
    for name, kind in (("slow heads", slow_head), ("slow bodies", slow_body), ("slow readers", slow_read)):
        calm = await asks(address, given.seconds)
        crowd = [asyncio.create_task(attack(address, kind)) for _ in range(given.connections)]
        await asyncio.sleep(5)
        used, began = on_cpu([pid]), time.monotonic()
        busy = await asks(address, given.seconds)
        share = (on_cpu([pid]) - used) / (time.monotonic() - began)
        memory = process.memory_info().rss / 1e6
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        print(
            f"| {given.connections} {name} | {median(busy) * 1e3:.2f} | {p95(busy) * 1e3:.2f} "
            f"| {p95(busy) / p95(calm):.2f} | {memory:.0f} | {share:.0%} |",
            flush=True,
        )
        await asyncio.sleep(3)
    before = process.memory_full_info().uss
    crowd = [asyncio.create_task(attack(address, idle)) for _ in range(given.idle)]
    await asyncio.sleep(8)
    after = process.memory_full_info().uss
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    print(f"\nAn idle connection holds {(after - before) / given.idle / 1000:.1f} KB of {given.idle} of them.")


def main() -> None:
    """Start a gateway and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=15)
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with opened_portal() as portal, node(portal) as address:
        talon = start_talon(
            portal, "talon", address, changes={"connections": {"per_address": 0}, "proxy": {"max_body": 2 * GIANT}}
        )
        asyncio.run(measure(talon.address, talon.processes()[0], given))


if __name__ == "__main__":
    main()

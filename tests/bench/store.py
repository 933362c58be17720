"""`python -m tests.bench.store`: what a waiting room costs the store, with real servers and a million waiting.

Prints bytes per waiter (all of the room's keys counted), joins per second by pipelined script calls, and the store's
own time for a tick that calls a thousand.
"""

import argparse
import asyncio
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import hiredis
from redis.asyncio import Redis

from gateway.core.identity import PERSON_BYTES
from gateway.core.room import NOWHERE
from gateway.store.connect import connect
from gateway.store.embedded import EmbeddedStore
from gateway.store.keys import person_keys, ticket_keys
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from gateway.store.scripts import source

ROOM = "booking"
LANES = ("urgent", "regular")
BATCH = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCost:
    """Measured at `waiting`: bytes per waiter, joins/s of one client, the store's ms per tick, view and count."""

    waiting: int
    bytes_per_waiter: float
    joins_per_s: float
    tick_ms: float
    view_ms: float
    count_ms: float


async def measure(url: str, waiting: int, ticks: int = 50, *, persons: bool = False) -> StoreCost:
    """Fill an empty room with `waiting` visits, each of another person if asked for, and measure."""
    client = connect(url, timeout=30)
    assert isinstance(client, Redis)
    await client.flushall()
    empty = (await client.info("memory"))["used_memory"]
    rooms = RedisRooms(client, {ROOM: RoomOptions(lanes=LANES, max_waiting=2 * waiting)})
    await rooms.open(ROOM, None)
    took = await _join(client, waiting, persons=persons)
    full = (await client.info("memory"))["used_memory"]
    await _rewritten(client)
    await rooms.view(ROOM, owner="bench", lease=600, report=b"{}")
    tick = await _script_ms(client, ticks, lambda: rooms.call(ROOM, {"regular": 1000}, owner="bench", credit=0))
    view = await _script_ms(client, ticks, lambda: rooms.view(ROOM, owner="bench", lease=600, report=b"{}"))
    count = await _script_ms(client, ticks, lambda: rooms.count_present(ROOM))
    await rooms.close()
    return StoreCost(
        waiting=waiting,
        bytes_per_waiter=(full - empty) / waiting,
        joins_per_s=waiting / took,
        tick_ms=tick,
        view_ms=view,
        count_ms=count,
    )


async def _join(client: Redis, count: int, *, persons: bool) -> float:
    """Join `count` visits in batches; the time is that of the store and the wire, without that of writing commands."""
    sha = await client.script_load(source("join"))
    writer = client.connection_pool.make_connection()
    took, reader = 0.0, hiredis.Reader()
    with socket.socket(socket.AF_UNIX) as store:
        store.connect(client.connection_pool.connection_kwargs["path"])
        for begin in range(0, count, BATCH):
            numbers = range(begin, min(begin + BATCH, count))
            commands = [_command(sha, number, count, persons=persons) for number in numbers]
            packed = b"".join(writer.pack_commands(commands))
            started = time.perf_counter()
            await asyncio.to_thread(_pipeline, store, packed, len(numbers), reader)
            took += time.perf_counter() - started
    return took


def _pipeline(store: socket.socket, packed: bytes, count: int, reader: hiredis.Reader) -> None:
    """Send the commands and take `count` answers; raises the first error among them."""
    store.sendall(packed)
    while count:
        answer = reader.gets()
        if answer is False:
            reader.feed(store.recv(65536))
        elif isinstance(answer, Exception):
            raise answer
        else:
            count -= 1


def _command(sha: str, number: int, count: int, *, persons: bool) -> tuple[object, ...]:
    # As even and as random as the keyed hash of a subject.
    person = blake2b(number.to_bytes(8), digest_size=PERSON_BYTES).digest() if persons else b""
    keys = person_keys(ROOM, "regular", LANES, person) if persons else ticket_keys(ROOM, "regular")
    arguments = ("regular", 2 * count, "primary", 0, "", person[2:], *NOWHERE, *LANES)
    return ("EVALSHA", sha, len(keys), *keys, *arguments)


async def _rewritten(client: Redis) -> None:
    """Wait until the store's child has rewritten the log of so many joins: its page faults are not the tick's."""
    for _ in range(600):
        if not (await client.info("persistence"))["aof_rewrite_in_progress"]:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("the store is still rewriting its log")


async def _script_ms(client: Redis, times: int, call: Callable[[], Awaitable[object]]) -> float:
    await call()
    await client.config_resetstat()
    for _ in range(times):
        await call()
    stats = (await client.info("commandstats"))["cmdstat_evalsha"]
    return float(stats["usec"]) / float(stats["calls"]) / 1000


async def main() -> None:
    """Measure at the sizes asked for and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--persons", action="store_true", help="each visit is of a person whom the portal names")
    given = parser.parse_args()
    columns = ("waiting", "bytes per waiter", "joins/s", "ms per tick of 1,000 calls", "ms per view", "ms per count")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for waiting in given.waiting:
        with tempfile.TemporaryDirectory(prefix="talon-bench-") as folder:
            store = EmbeddedStore(Path(folder))
            await store.start()
            try:
                cost = await measure(store.url, waiting, persons=given.persons)
            finally:
                await store.stop()
        shares = f"{cost.bytes_per_waiter:.2f} | {cost.joins_per_s:,.0f}"
        print(f"| {waiting:,} | {shares} | {cost.tick_ms:.2f} | {cost.view_ms:.3f} | {cost.count_ms:.2f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

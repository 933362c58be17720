"""`make bench PART=openings`: what calling from a shuffled cohort costs, with a real server.

Prints the store's own time and the leader's processor time of a tick that calls a thousand from a cohort, beside the
same tick in a queue that was not shuffled, and the time of making the tables of the permutation at the opening.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from pathlib import Path

from redis.asyncio import Redis

from gateway.core.cohort import Cohort, lane_order
from gateway.store.connect import connect
from gateway.store.embedded import EmbeddedStore
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions

ROOM, LANE, CALLED = "booking", "regular", 1000
AT = 1_795_420_800


async def tick_costs(client: Redis, rooms: RedisRooms, ticks: int) -> tuple[float, float]:
    """Return the store's ms and this process's ms for a tick that calls a thousand."""
    await client.config_resetstat()
    began = time.process_time()
    for _ in range(ticks):
        called = await rooms.call(ROOM, {LANE: CALLED}, owner="bench", credit=0)
        assert called is not None
        assert called[LANE] == CALLED
        rooms._serving[ROOM, LANE] += CALLED
    own = (time.process_time() - began) / ticks * 1000
    stats = (await client.info("commandstats"))["cmdstat_evalsha"]
    return float(stats["usec"]) / float(stats["calls"]) / 1000, own


async def measure(url: str, waiting: int, ticks: int, *, shuffled: bool) -> tuple[float, float, float]:
    """Return the ms of making the tables, and of store and leader for a tick, all of `waiting` present."""
    client = connect(url, timeout=60)
    assert isinstance(client, Redis)
    await client.flushall()
    rooms = RedisRooms(client, {ROOM: RoomOptions(lanes=(LANE,), max_waiting=2 * waiting)})
    await rooms.open(ROOM, None)
    await rooms.view(ROOM, owner="bench", lease=600, report=b"{}")
    tables = 0.0
    if shuffled:
        seed = secrets.token_bytes(32)
        await rooms.hold_cohort(ROOM, Cohort(opens_at=AT, seed=seed), owner="bench")
    await client.hset(f"talon:{{{ROOM}}}:meta", f"issued:{LANE}", waiting)
    present = b"\xff" * (waiting // 8 + 1)
    for bitmap in ("seen0", "seen1"):
        await client.set(f"talon:{{{ROOM}}}:{bitmap}:{LANE}", present)
    if shuffled:
        await rooms.hold_cohort(ROOM, Cohort(opens_at=AT, seed=seed, opened=True), owner="bench")
        began = time.process_time()
        lane_order(waiting, seed, LANE, AT)
        tables = (time.process_time() - began) * 1000
    await rooms.view(ROOM, owner="bench", lease=600, report=b"{}")
    store, own = await tick_costs(client, rooms, ticks)
    await rooms.close()
    return tables, store, own


async def main() -> None:
    """Measure at the sizes asked for and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--ticks", type=int, default=100)
    given = parser.parse_args()
    print("| waiting | order | tables, ms | store, ms per tick of 1,000 calls | leader, ms |\n|---|---|---|---|---|")
    for waiting in given.waiting:
        for shuffled in (False, True):
            with tempfile.TemporaryDirectory(prefix="talon-bench-") as folder:
                store = EmbeddedStore(Path(folder))
                await store.start()
                try:
                    tables, per_tick, own = await measure(store.url, waiting, given.ticks, shuffled=shuffled)
                finally:
                    await store.stop()
            order = "shuffled" if shuffled else "of joining"
            print(f"| {waiting:,} | {order} | {tables:.1f} | {per_tick:.2f} | {own:.1f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

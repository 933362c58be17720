"""The world of the contract suite: one store after the other, with a way to let time pass."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.core.room import Standing
from gateway.ports import RoomStore
from gateway.store.connect import connect
from gateway.store.memory_room import MemoryRooms
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import running_store

ROOM = "booking"
OPTIONS = RoomOptions(
    lanes=("urgent", "regular"),
    max_waiting=50,
    grace=0.4,
    claim_window=0.3,
    keep_claims=0.5,
    report_age=0.4,
    roll_after=3,
    quiet=0.2,
)
_folders = itertools.count()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A store with a way to let time pass: the model's clock jumps, a real server is waited for."""

    rooms: RoomStore
    clock: Clock | None
    client: Redis | None = None

    async def passes(self, seconds: float) -> None:
        if self.clock is not None:
            self.clock.now += seconds
        else:
            await asyncio.sleep(seconds)


@pytest.fixture(params=["memory", "valkey", "redis"])
async def world(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        clock = Clock()
        rooms = MemoryRooms({ROOM: OPTIONS}, clock)
        await rooms.open(ROOM, None)
        await rooms.view(ROOM, owner="me", lease=60, report=b"")
        yield World(rooms, clock)
        return
    binary = request.getfixturevalue("redis_binary") if request.param == "redis" else None
    async with running_store(short_tmp / f"contract{next(_folders)}", binary) as url:
        client = connect(url)
        real = RedisRooms(client, {ROOM: OPTIONS})
        await real.open(ROOM, None)
        await real.view(ROOM, owner="me", lease=60, report=b"")
        yield World(real, None, client)
        await real.close()


async def join(world: World, lane: str = "regular", count: int = 1) -> str:
    epoch = ""
    for _ in range(count):
        epoch = (await world.rooms.join(ROOM, lane, pool="primary")).epoch
    return epoch


async def call(world: World, credit: int = 0, **wanted: int) -> dict[str, int] | None:
    return await world.rooms.call(ROOM, wanted, owner="me", credit=credit)


async def claim(world: World, number: int, epoch: str, lane: str = "regular", pool: str = "primary") -> Standing:
    return (await world.rooms.claim(ROOM, lane, number, epoch, pool=pool)).standing

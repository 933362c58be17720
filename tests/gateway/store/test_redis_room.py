"""The store's adapter when the server is gone, hangs or was emptied: one error, and no room half made."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.connect import connect
from gateway.store.embedded import EmbeddedStore
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import free_port

ROOM = "booking"
OPTIONS = RoomOptions(lanes=("urgent", "regular"))
_folders = itertools.count()


@dataclass
class Served:
    """A real server and rooms on it."""

    server: EmbeddedStore
    rooms: RedisRooms


@pytest.fixture
async def served(short_tmp: Path) -> AsyncIterator[Served]:
    server = EmbeddedStore(short_tmp / f"adapter{next(_folders)}")
    await server.start()
    rooms = RedisRooms(connect(server.url), {ROOM: OPTIONS})
    await rooms.open(ROOM, None)
    await rooms.view(ROOM, owner="me", lease=1.0, report=b"")
    yield Served(server, rooms)
    await rooms.close()
    await server.stop()


async def everything(rooms: RedisRooms) -> list[object]:
    """Call each method once and collect what it raised."""
    return await asyncio.gather(
        rooms.open(ROOM, None),
        rooms.view(ROOM, owner="me", lease=1.0, report=b""),
        rooms.join(ROOM, "regular", pool="p"),
        rooms.claim(ROOM, "regular", 1, "e", pool="p"),
        rooms.leave(ROOM, "regular", 1, "e"),
        rooms.touch(ROOM, {"regular": [1]}),
        rooms.call(ROOM, {"regular": 1}, owner="me", credit=0),
        rooms.sweep(ROOM, owner="me"),
        rooms.set_control(ROOM, b""),
        rooms.plan(ROOM),
        rooms.change_node("primary http://one", b""),
        rooms.node_changes(),
        rooms.ping(),
        return_exceptions=True,
    )


@pytest.mark.parametrize("url", ["redis://{}", "redis+cluster://{}", "redis+sentinel://{}/talon"])
async def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    """Every method raises StoreUnavailable and nothing else when nothing listens."""
    rooms = RedisRooms(connect(url.format(f"127.0.0.1:{free_port()}")), {ROOM: OPTIONS})
    assert {type(result) for result in await everything(rooms)} == {StoreUnavailable}
    await rooms.close()


async def test_a_server_that_does_not_answer_is_unavailable_in_time() -> None:
    """A server that accepts and says nothing costs the timeout, not for ever."""
    over = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rooms = RedisRooms(connect(f"redis://127.0.0.1:{port}", timeout=0.2), {ROOM: OPTIONS})
    async with asyncio.timeout(5):
        results = await everything(rooms)
    assert {type(result) for result in results} == {StoreUnavailable}
    over.set()
    await rooms.close()
    server.close()


async def test_an_emptied_server_says_that_the_room_is_lost(served: Served) -> None:
    """After a flush the view has no epoch, joins and claims are refused until the room is opened again."""
    await served.rooms._client.flushall()
    assert (await served.rooms.view(ROOM, owner="me", lease=1.0, report=b"")).epoch == ""
    for asking in (served.rooms.join(ROOM, "regular", pool="p"), served.rooms.claim(ROOM, "regular", 1, "e", pool="p")):
        with pytest.raises(StoreUnavailable, match="the room is not open"):
            await asking
    assert await served.rooms.open(ROOM, None)
    assert (await served.rooms.join(ROOM, "regular", pool="p")).number == 1


async def test_lanes_that_are_not_configured_are_no_error(served: Served) -> None:
    """A ticket or heartbeat of a lane that was taken out is stale, not a failure."""
    epoch = await served.rooms.open(ROOM, None)
    assert (await served.rooms.claim(ROOM, "vip", 1, epoch, pool="p")).standing == "stale"
    assert await served.rooms.leave(ROOM, "vip", 1, epoch) is False
    await served.rooms.touch(ROOM, {"vip": [1, 2]})


async def test_heartbeats_are_handed_over_in_bounded_pieces(served: Served) -> None:
    """Thousands of heartbeats at once arrive, all of them."""
    for _ in range(3):
        await served.rooms.join(ROOM, "regular", pool="p")
    await served.rooms.touch(ROOM, {"regular": list(range(1, 5001)), "urgent": [1]})
    view = await served.rooms.view(ROOM, owner="me", lease=1.0, report=b"")
    assert (view.lanes["regular"].issued, view.lanes["urgent"].issued) == (5000, 1)


async def test_places_survive_the_death_of_the_server(served: Served) -> None:
    """Killed and started again on its files, the server hands out the next number, not the first."""
    epoch = (await served.rooms.join(ROOM, "regular", pool="p")).epoch
    await served.rooms.join(ROOM, "regular", pool="p")
    await served.server.stop()
    with pytest.raises(StoreUnavailable):
        await served.rooms.ping()
    await served.server.start()
    joined = await served.rooms.join(ROOM, "regular", pool="p")
    assert (joined.number, joined.epoch) == (3, epoch)


async def test_a_room_is_opened_once(served: Served) -> None:
    """Many gateways that start at once agree on one epoch."""
    await served.rooms._client.flushall()
    epochs = await asyncio.gather(*(served.rooms.open(ROOM, None) for _ in range(10)))
    assert len(set(epochs)) == 1

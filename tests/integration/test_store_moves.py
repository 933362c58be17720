"""The store is moved or restarted under a crowd: no place is lost, nobody is let in twice."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import pytest

from gateway.store.connect import connect
from gateway.store.keys import control_key
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import until
from tests.integration.store_crowd import JOINING, crowd_at
from tests.integration.store_servers import CLUSTER, Servers, Slot, add_master, answers, start_cluster

pytestmark = pytest.mark.integration

ROOM = "booking"
OPTIONS = RoomOptions(lanes=("urgent", "regular"), claim_window=30.0)


@contextlib.asynccontextmanager
async def rooms_at(url: str) -> AsyncIterator[RedisRooms]:
    rooms = RedisRooms(connect(url), {ROOM: OPTIONS})
    try:
        yield rooms
    finally:
        await rooms.close()


async def test_a_slot_is_moved_under_a_crowd(servers: Servers) -> None:
    """A room's slot goes round all three masters while visits join, are called and claim."""
    ports = await start_cluster(servers)
    slot = Slot(ports, control_key(ROOM))
    try:
        async with rooms_at(f"redis+cluster://127.0.0.1:{ports[0]}") as rooms:
            async with crowd_at(rooms, ROOM) as crowd:
                for _ in ports:
                    await asyncio.to_thread(slot.move, slot.owner, next_of(ports, slot.owner))
                    await crowd.moves_on()
            assert crowd.longest_gap < 1.0
            crowd.check(await crowd.all_get_in())
    finally:
        slot.close()


def next_of(ports: list[int], port: int) -> int:
    return ports[(ports.index(port) + 1) % len(ports)]


async def test_a_move_that_stands_half_done_only_refuses(servers: Servers) -> None:
    """While some keys of the room are here and some there nothing is done by halves; afterwards all goes on."""
    ports = await start_cluster(servers)
    slot = Slot(ports, control_key(ROOM))
    source, target = slot.owner, next_of(ports, slot.owner)
    try:
        async with rooms_at(f"redis+cluster://127.0.0.1:{ports[0]}") as rooms:
            async with crowd_at(rooms, ROOM) as crowd:
                slot.begin(source, target)
                assert slot.move_keys(source, target, 3) == 3
                await crowd.is_refused()
                slot.move_all_keys(source, target)
                slot.finish(source, target)
                await crowd.moves_on()
            crowd.check(await crowd.all_get_in())
    finally:
        slot.close()


async def test_a_slot_is_moved_to_a_master_that_nobody_knew(servers: Servers) -> None:
    """A fourth master joins the cluster and gets the room: it has neither the scripts nor is it known to the client."""
    ports = await start_cluster(servers)
    slot = Slot(ports, control_key(ROOM))
    try:
        async with rooms_at(f"redis+cluster://127.0.0.1:{ports[0]}") as rooms:
            async with crowd_at(rooms, ROOM) as crowd:
                slot.take_in(new := await add_master(servers, ports))
                source = slot.owner
                slot.begin(source, new)
                slot.move_all_keys(source, new)
                await crowd.is_refused()
                slot.finish(source, new)
                await crowd.moves_on()
            crowd.check(await crowd.all_get_in())
        assert slot.owner == new
    finally:
        slot.close()


async def test_a_master_of_a_cluster_is_restarted_under_a_crowd(servers: Servers) -> None:
    """The master of the room is killed and started again on its files: no command is sent twice by itself."""
    ports = await start_cluster(servers)
    slot = Slot(ports, control_key(ROOM))
    owner = slot.owner
    slot.close()
    async with rooms_at(f"redis+cluster://127.0.0.1:{ports[0]}") as rooms:
        async with crowd_at(rooms, ROOM) as crowd:
            await asyncio.to_thread(servers.kill, owner)
            await crowd.is_refused()
            servers.start(*CLUSTER, port=owner)
            await crowd.moves_on()
        crowd.check(await crowd.all_get_in(), lost_answers=JOINING)


@pytest.mark.parametrize(("how", "fsync"), [(signal.SIGTERM, "everysec"), (signal.SIGKILL, "always")])
async def test_a_server_with_its_file_is_restarted_under_a_crowd(how: int, fsync: str, servers: Servers) -> None:
    """Stopped, or killed while it syncs every write, and started again: each answered join and claim is still there."""
    options = ("--appendonly", "yes", "--appendfsync", fsync)
    port = servers.start(*options)
    await until(lambda: answers(port), what="the server answers")
    async with rooms_at(f"redis://127.0.0.1:{port}") as rooms:
        async with crowd_at(rooms, ROOM) as crowd:
            await asyncio.to_thread(servers.kill, port, how)
            await crowd.is_refused()
            servers.start(*options, port=port)
            await crowd.moves_on()
        crowd.check(await crowd.all_get_in(), lost_answers=JOINING)


async def test_connections_that_a_restart_has_ended_are_not_used_again(servers: Servers) -> None:
    """Whoever asks first on each of them afterwards gets an answer: a dead connection is seen before it is used."""
    port = servers.start("--appendonly", "yes")
    await until(lambda: answers(port), what="the server answers")
    async with rooms_at(f"redis://127.0.0.1:{port}") as rooms:
        epoch = await rooms.open(ROOM, None)
        many = [rooms.claim(ROOM, "regular", 1, epoch, pool="p") for _ in range(20)]
        await asyncio.gather(*many)
        await asyncio.to_thread(servers.kill, port, signal.SIGTERM)
        servers.start("--appendonly", "yes", port=port)
        await until(lambda: answers(port), what="the server answers again")
        many = [rooms.claim(ROOM, "regular", 1, epoch, pool="p") for _ in range(20)]
        await asyncio.gather(*many)

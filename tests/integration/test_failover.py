"""The store behind Sentinel fails over, and as a cluster of three: no place is lost, nobody is let in twice."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

import pytest
from redis import Redis
from redis.exceptions import RedisError

from gateway.core.room import Claim, Standing
from gateway.errors import StoreUnavailable
from gateway.store.connect import connect
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import until
from tests.integration.store_servers import Servers, answers, start_cluster

pytestmark = [
    pytest.mark.integration,
    # The client library drops connections to a dead primary without closing them; the operating system does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ROOM = "booking"
OPTIONS = RoomOptions(lanes=("urgent", "regular"), claim_window=30.0)


@contextlib.asynccontextmanager
async def rooms_at(url: str, *names: str) -> AsyncIterator[RedisRooms]:
    rooms = RedisRooms(connect(url), dict.fromkeys(names, OPTIONS))
    try:
        yield rooms
    finally:
        await rooms.close()
        gc.collect()


async def eventually_claim(rooms: RedisRooms, number: int, epoch: str) -> Claim:
    """Claim, trying again while the store changes hands."""
    for _ in range(200):
        try:
            return await rooms.claim(ROOM, "regular", number, epoch, pool="p")
        except StoreUnavailable:
            await asyncio.sleep(0.1)
    pytest.fail("the store did not come back within 20 s")


async def start_sentinels(servers: Servers) -> tuple[int, list[int]]:
    primary = servers.start()
    await until(lambda: answers(primary), what="primary answers")
    replica = servers.start("--replicaof", "127.0.0.1", str(primary))
    await until(lambda: b"up" in _info(replica, "master_link_status"), what="replica follows")
    config = (
        f"sentinel monitor talon 127.0.0.1 {primary} 2\nsentinel down-after-milliseconds talon 1000\n"
        "sentinel failover-timeout talon 5000\n"
    )
    sentinels = [servers.start(config=config) for _ in range(3)]
    for port in sentinels:
        await until(lambda port=port: _sees_others(port), what=f"sentinel {port} knows the others")
    return primary, sentinels


def _info(port: int, field: str) -> bytes:
    with contextlib.suppress(RedisError, OSError), Redis(port=port, socket_timeout=1) as client:
        return str(client.info("replication").get(field)).encode()
    return b""


def _sees_others(port: int) -> bool:
    with contextlib.suppress(RedisError, OSError), Redis(port=port, socket_timeout=1) as client:
        state = client.sentinel_master("talon")
        return int(state["num-other-sentinels"]) == 2 and int(state["num-slaves"]) == 1
    return False


async def test_sentinel_failover_keeps_places_and_claims(servers: Servers) -> None:
    """The primary is killed: tickets, order and claims are on the new one, numbers go on where they were."""
    primary, sentinels = await start_sentinels(servers)
    url = f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in sentinels)}/talon"
    async with rooms_at(url, ROOM) as rooms:
        epoch = await rooms.open(ROOM, None)
        numbers = [(await rooms.join(ROOM, "regular", pool="p")).number for _ in range(20)]
        await rooms.view(ROOM, owner="me", lease=60, report=b"")
        await rooms.call(ROOM, {"regular": 5}, owner="me", credit=0)
        first = await rooms.claim(ROOM, "regular", 1, epoch, pool="p")
        with Redis(port=primary) as client:
            assert client.wait(1, 2000) == 1, "the replica has everything"
        servers.kill(primary)
        again = await eventually_claim(rooms, 1, epoch)
        assert again == first
        assert (await rooms.claim(ROOM, "regular", 5, epoch, pool="p")).standing is Standing.CLAIMED
        assert (await rooms.claim(ROOM, "regular", 6, epoch, pool="p")).standing is Standing.WAITING
        assert (await rooms.join(ROOM, "regular", pool="p")).number == numbers[-1] + 1


async def test_a_cluster_of_three_carries_many_rooms(servers: Servers) -> None:
    """Each room lives on one of three primaries, whichever its name is hashed to; all scripts work there."""
    ports = await start_cluster(servers)
    names = [f"room{n}" for n in range(12)]
    async with rooms_at(f"redis+cluster://127.0.0.1:{ports[0]}", *names) as rooms:
        for name in names:
            epoch = await rooms.open(name, None)
            assert (await rooms.join(name, "regular", pool="p")).number == 1
            assert (await rooms.view(name, owner="me", lease=60, report=b"{}")).leader
            assert await rooms.call(name, {"regular": 1}, owner="me", credit=0) == {"urgent": 0, "regular": 1}
            claim = await rooms.claim(name, "regular", 1, epoch, pool="p")
            assert claim.standing is Standing.CLAIMED
            assert await rooms.plan(name) == b""
    used = []
    for port in ports:
        with Redis(port=port) as client:
            used.append(client.dbsize())
    assert all(used), f"rooms are spread over all nodes, keys per node: {used}"

"""One place per person, in every store: the model, the bundled Valkey and the system's Redis."""

import asyncio
from pathlib import Path

import pytest

from gateway.core.room import Joined, Standing
from gateway.store.connect import connect
from gateway.store.keys import PERSON_BUCKETS
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import running_store
from tests.contract.conftest import ROOM, World, call, claim, join

ANNA, BORIS = bytes(range(12)), bytes(range(1, 13))
NEIGHBOUR = ANNA[:2] + bytes(10)
"""Somebody in the same bucket as Anna."""


async def join_as(world: World, person: bytes, lane: str = "regular", over: tuple[str, int] = ("", 0)) -> Joined:
    return await world.rooms.join(ROOM, lane, pool="primary", person=person, over=over)


async def test_a_person_has_one_place(world: World) -> None:
    """A second join of the same person gets the same number, also when it asks for another lane."""
    first = await join_as(world, ANNA)
    again, elsewhere = await join_as(world, ANNA), await join_as(world, ANNA, lane="urgent")
    assert (first.standing, first.lane, first.number) == (Standing.WAITING, "regular", 1)
    for joined in (again, elsewhere):
        assert (joined.standing, joined.lane, joined.number) == (Standing.KEPT, "regular", 1)
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.lanes["regular"].issued, view.lanes["urgent"].issued) == (1, 0)


async def test_persons_do_not_get_each_others_places(world: World) -> None:
    """Two persons have two places, even if they are kept side by side; nobody known has a new one each time."""
    numbers = [(await join_as(world, person)).number for person in (ANNA, BORIS, NEIGHBOUR, b"", b"", ANNA)]
    assert numbers == [1, 2, 3, 4, 5, 1]


async def test_many_joins_of_one_person_at_once_give_one_place(world: World) -> None:
    """However many devices ask in the same moment."""
    joined = await asyncio.gather(*(join_as(world, ANNA) for _ in range(20)))
    assert {one.number for one in joined} == {1}


async def test_a_called_or_missed_place_is_still_the_persons(world: World) -> None:
    """While a place is called, and when its turn was missed once, it is the person's place on any device."""
    epoch = (await join_as(world, ANNA)).epoch
    await call(world, regular=1)
    assert (await join_as(world, ANNA)).standing is Standing.KEPT
    await world.passes(0.35)
    await world.rooms.sweep(ROOM, owner="me")
    assert (await join_as(world, ANNA)).number == 1
    assert await claim(world, 1, epoch) is Standing.RETURNING
    assert (await join_as(world, ANNA)).number == 1


async def test_a_claimed_place_is_the_persons_until_it_is_forgotten(world: World) -> None:
    """Another device is led to the same claim; once the claim is forgotten the person queues anew."""
    epoch = (await join_as(world, ANNA)).epoch
    await call(world, regular=1)
    assert await claim(world, 1, epoch) is Standing.CLAIMED
    assert (await join_as(world, ANNA)).standing is Standing.KEPT
    await world.passes(0.6)
    await world.rooms.sweep(ROOM, owner="me")
    joined = await join_as(world, ANNA)
    assert (joined.standing, joined.number) == (Standing.WAITING, 2)


async def test_who_has_left_queues_anew(world: World) -> None:
    """A place that was given up is nobody's; the new one is the person's from then on."""
    epoch = (await join_as(world, ANNA)).epoch
    await world.rooms.leave(ROOM, "regular", 1, epoch)
    assert (await join_as(world, ANNA)).number == 2
    assert (await join_as(world, ANNA)).number == 2


async def test_a_used_up_place_is_replaced_once(world: World) -> None:
    """Who knows that a place's visit is over says so; two devices that say it get one new place between them."""
    await join_as(world, ANNA)
    joined = [await join_as(world, ANNA, over=("regular", 1)) for _ in range(2)]
    assert [(one.standing, one.number) for one in joined] == [(Standing.WAITING, 2), (Standing.KEPT, 2)]
    assert (await join_as(world, ANNA, over=("urgent", 2))).number == 2


async def test_a_full_room_still_knows_its_people(world: World) -> None:
    """Who has a place is told so when the queue is full; who has none gets none, and none is noted."""
    await join_as(world, ANNA)
    await join(world, count=49)
    assert (await join_as(world, ANNA)).standing is Standing.KEPT
    assert (await join_as(world, BORIS)).standing is Standing.FULL
    await call(world, regular=1)
    assert (await join_as(world, BORIS)).number == 51


async def test_who_goes_straight_in_has_that_place(world: World) -> None:
    """A join that is a claim at once is the person's place too."""
    await call(world, credit=1)
    assert (await join_as(world, ANNA)).standing is Standing.CLAIMED
    assert (await join_as(world, ANNA)).standing is Standing.KEPT


async def test_gone_places_tell_whether_they_let_anybody_in(world: World) -> None:
    """A forgotten claim did; a place that was left or missed twice did not, though its turn was missed before."""
    epoch = await join(world, count=3)
    await world.rooms.leave(ROOM, "regular", 1, epoch)
    await call(world, regular=2)
    assert await claim(world, 2, epoch) is Standing.CLAIMED
    await world.passes(0.35)
    await world.rooms.sweep(ROOM, owner="me")
    assert await claim(world, 3, epoch) is Standing.RETURNING
    await call(world, regular=1)
    await world.passes(0.55)
    await world.rooms.sweep(ROOM, owner="me")
    claims = [await world.rooms.claim(ROOM, "regular", number, epoch, pool="primary") for number in (1, 2, 3)]
    assert [(one.standing, one.let_in) for one in claims] == [(Standing.GONE, number == 2) for number in (1, 2, 3)]


@pytest.mark.parametrize("engine", ["valkey", "redis"])
async def test_buckets_stay_small_and_expire(engine: str, short_tmp: Path, request: pytest.FixtureRequest) -> None:
    """A bucket keeps those whose places are alive and few others, packed, and goes two days after its last write."""
    binary = request.getfixturevalue("redis_binary") if engine == "redis" else None
    async with running_store(short_tmp / f"persons-{engine}", binary) as url:
        client = connect(url)
        rooms = RedisRooms(client, {ROOM: RoomOptions(lanes=("regular",), max_waiting=10_000)})
        epoch = await rooms.open(ROOM, None)
        for number in range(1, 501):
            person = PERSON_BUCKETS.to_bytes(2, "big") + number.to_bytes(10, "big")
            assert (await rooms.join(ROOM, "regular", pool="p", person=person)).number == number
            if number > 10:
                await rooms.leave(ROOM, "regular", number, epoch)
        key = f"talon:{{{ROOM}}}:persons:0000"
        assert 10 < await client.hlen(key) <= 64 + 10  # type: ignore[misc]
        assert await client.object("encoding", key) == b"listpack"  # type: ignore[no-untyped-call]
        assert 172_000 < await client.ttl(key) <= 172_800
        held = PERSON_BUCKETS.to_bytes(2, "big") + (5).to_bytes(10, "big")
        assert (await rooms.join(ROOM, "regular", pool="p", person=held)).number == 5
        await rooms.close()


async def test_places_are_found_by_the_lanes_name(short_tmp: Path) -> None:
    """After a restart with other lanes a person's place is still its own, and one in a lane that is gone is none."""
    async with running_store(short_tmp / "lanes", None) as url:
        before = RedisRooms(connect(url), {ROOM: RoomOptions(lanes=("regular", "urgent"))})
        after = RedisRooms(connect(url), {ROOM: RoomOptions(lanes=("express", "regular"))})
        await before.open(ROOM, None)
        await before.join(ROOM, "regular", pool="p")
        assert (await before.join(ROOM, "regular", pool="p", person=ANNA)).number == 2
        assert (await before.join(ROOM, "urgent", pool="p", person=BORIS)).number == 1
        anna = await after.join(ROOM, "express", pool="p", person=ANNA)
        assert (anna.standing, anna.lane, anna.number) == (Standing.KEPT, "regular", 2)
        boris = await after.join(ROOM, "regular", pool="p", person=BORIS)
        assert (boris.standing, boris.lane, boris.number) == (Standing.WAITING, "regular", 3)
        await before.close()
        await after.close()

"""Openings over every store: pre-queue, one shuffle, and what happens when leaders and gateways change meanwhile."""

import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.cohort import Cohort, CohortChange
from gateway.core.room import RoomView, Standing
from gateway.ports import RoomStore
from gateway.store.connect import connect
from gateway.store.memory_room import MemoryRooms
from gateway.store.redis_room import RedisRooms
from gateway.store.room_options import RoomOptions
from tests.conftest import running_store

ROOM, LANES = "booking", ("urgent", "regular")
OPTIONS = RoomOptions(lanes=LANES, max_waiting=5000, grace=600.0, claim_window=600.0)
HASTY = replace(OPTIONS, claim_window=0.0)
AT = 1_795_420_800
SEED = bytes(range(32))
WANTED = Cohort(opens_at=AT, seed=SEED)
OPEN = Cohort(opens_at=AT, seed=SEED, opened=True)
_folders = itertools.count()


class World:
    """A store, and other gateways on it: each has a picture of its own of the room; in `hasty` every turn is missed."""

    def __init__(self, rooms: RoomStore, other: RoomStore, hasty: RoomStore, lose: object) -> None:
        self.rooms, self.other, self.hasty, self.lose = rooms, other, hasty, lose

    async def view(self) -> RoomView:
        return await self.rooms.view(ROOM, owner="me", lease=60, report=b"")

    async def join(self, lane: str = "regular", count: int = 1) -> str:
        epoch = ""
        for _ in range(count):
            epoch = (await self.rooms.join(ROOM, lane, pool="p")).epoch
        return epoch

    async def hold(self, wanted: Cohort, owner: str = "me") -> CohortChange | None:
        return await self.rooms.hold_cohort(ROOM, wanted, owner=owner)

    async def call(self, **wanted: int) -> dict[str, int] | None:
        await self.view()
        return await self.rooms.call(ROOM, wanted, owner="me", credit=0)

    async def claims(self, numbers: Sequence[int], epoch: str, lane: str = "regular") -> list[int]:
        """Return which of the tickets can be claimed now."""
        await self.view()
        taken = [(n, await self.rooms.claim(ROOM, lane, n, epoch, pool="p")) for n in numbers]
        return [n for n, claim in taken if claim.standing is Standing.CLAIMED]


@pytest.fixture(params=["memory", "valkey", "redis"])
async def world(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        memory = MemoryRooms({ROOM: OPTIONS}, lambda: float(AT))
        await memory.open(ROOM, None)
        hasty = MemoryRooms({ROOM: HASTY}, lambda: float(AT))
        hasty._models, hasty._leases = memory._models, memory._leases
        one = World(memory, memory, hasty, memory._models.clear)
        await one.view()
        yield one
        return
    binary = request.getfixturevalue("redis_binary") if request.param == "redis" else None
    async with running_store(short_tmp / f"cohort{next(_folders)}", binary) as url:
        client, second = connect(url), connect(url)
        real, other = RedisRooms(client, {ROOM: OPTIONS}), RedisRooms(second, {ROOM: OPTIONS})
        await real.open(ROOM, None)
        two = World(real, other, RedisRooms(client, {ROOM: HASTY}), client.flushall)
        await two.view()
        yield two
        await real.close()
        await other.close()


def order(view: RoomView, lane: str = "regular") -> list[int]:
    """The tickets of the cohort in the order that anyone can recompute."""
    assert view.cohort is not None
    first, last = view.cohort.ranges[lane]
    return [view.cohort.ticket(lane, position) for position in range(first + 1, last + 1)]


async def test_the_cohort_is_called_in_the_published_order(world: World) -> None:
    """Before the opening only those from before the pre-queue are called; then the cohort shuffled; then the late."""
    await world.join(count=3)
    assert await world.hold(WANTED) is CohortChange.BEGUN
    epoch = await world.join(count=40)
    assert await world.call(regular=10) == {"urgent": 0, "regular": 3}
    assert await world.claims(range(1, 44), epoch) == [1, 2, 3]
    assert await world.hold(OPEN) is CohortChange.OPENED
    await world.join(count=5)
    view = await world.view()
    assert view.cohort == Cohort(opens_at=AT, seed=SEED, opened=True, ranges={"urgent": (0, 0), "regular": (3, 43)})
    shuffled = order(view)
    assert sorted(shuffled) == list(range(4, 44))
    assert shuffled != list(range(4, 44))
    for turn in range(4):
        assert await world.call(regular=10) == {"urgent": 0, "regular": 10}
        assert await world.claims(range(4, 49), epoch) == sorted(shuffled[: 10 * turn + 10])
    assert await world.call(regular=10) == {"urgent": 0, "regular": 5}
    assert (await world.view()).lanes["regular"].serving == 48


async def test_one_call_may_cross_both_borders(world: World) -> None:
    """Called in one go: those before, the whole cohort, those behind; nobody is forgotten at a border."""
    await world.join(count=3)
    await world.hold(WANTED)
    await world.join(count=4)
    await world.hold(OPEN)
    epoch = await world.join(count=3)
    assert await world.call(regular=9) == {"urgent": 0, "regular": 9}
    assert await world.claims(range(1, 11), epoch) == list(range(1, 10))


async def test_each_lane_has_a_shuffle_of_its_own(world: World) -> None:
    """Two lanes with the same number of waiters are opened together, in different orders, and called independently."""
    await world.hold(WANTED)
    for lane in LANES:
        epoch = await world.join(lane, count=20)
    await world.hold(OPEN)
    view = await world.view()
    assert order(view, "urgent") != order(view, "regular")
    assert await world.call(urgent=7, regular=2) == {"urgent": 7, "regular": 2}
    for lane, count in (("urgent", 7), ("regular", 2)):
        assert await world.claims(range(1, 21), epoch, lane) == sorted(order(view, lane)[:count])


async def test_leavers_of_the_cohort_hold_nobody_up(world: World) -> None:
    """Who leaves in the pre-queue or after it is not counted as waiting, is not called, and takes nobody's turn."""
    await world.hold(WANTED)
    epoch = await world.join(count=30)
    for number in (1, 2, 30):
        assert await world.rooms.leave(ROOM, "regular", number, epoch) is True
    await world.hold(OPEN)
    shuffled = order(await world.view())
    assert (await world.view()).lanes["regular"].waiting == 27
    last, first = shuffled[-1], shuffled[0]
    for number in {last, first} - {1, 2, 30}:
        assert await world.rooms.leave(ROOM, "regular", number, epoch) is True
    left = {1, 2, 30, last, first}
    assert (await world.view()).lanes["regular"].waiting == 30 - len(left)
    assert await world.call(regular=10) == {"urgent": 0, "regular": 10}
    present = [number for number in shuffled if number not in left]
    assert await world.claims(range(1, 31), epoch) == sorted(present[:10])
    assert await world.call(regular=50) == {"urgent": 0, "regular": 20 - len(left)}
    lane = (await world.view()).lanes["regular"]
    assert (lane.waiting, lane.left, lane.serving) == (0, 0, 30)


async def test_a_gateway_that_has_not_seen_the_opening_loses_nobodys_place(world: World) -> None:
    """Asked by it a called ticket claims, an uncalled one waits and is not made a returner; leaving works."""
    await world.other.view(ROOM, owner="other", lease=0.0, report=b"")
    await world.hold(WANTED)
    epoch = await world.join(count=20)
    await world.hold(OPEN)
    await world.call(regular=5)
    shuffled = order(await world.view())
    for number in shuffled[5:]:
        assert (await world.other.claim(ROOM, "regular", number, epoch, pool="p")).standing is Standing.WAITING
    assert (await world.other.claim(ROOM, "regular", shuffled[4], epoch, pool="p")).standing is Standing.CLAIMED
    assert (await world.view()).lanes["regular"].returning == 0
    assert await world.other.leave(ROOM, "regular", shuffled[19], epoch) is True
    assert (await world.view()).lanes["regular"].waiting == 14


async def test_who_missed_the_turn_comes_back_in_the_order_of_the_shuffle(world: World) -> None:
    """Returners of a cohort are called by their positions, not by who has the lower number."""
    await world.hold(WANTED)
    epoch = await world.join(count=20)
    await world.hold(OPEN)
    shuffled = order(await world.view())
    await world.hasty.view(ROOM, owner="me", lease=60, report=b"")
    await world.hasty.call(ROOM, {"regular": 20}, owner="me", credit=0)
    assert await world.hasty.sweep(ROOM, owner="me") == 20
    assert await world.claims(shuffled[::-1], epoch) == []
    assert (await world.view()).lanes["regular"].returning == 20
    await world.call(regular=5)
    assert await world.claims(range(1, 21), epoch) == sorted(shuffled[:5])


async def test_credit_is_off_in_the_pre_queue(world: World) -> None:
    """However much credit there was or is given, nobody is let in at once before the opening."""
    await world.rooms.call(ROOM, {}, owner="me", credit=9)
    await world.hold(WANTED)
    assert (await world.rooms.join(ROOM, "regular", pool="p")).standing is Standing.WAITING
    await world.rooms.call(ROOM, {}, owner="me", credit=9)
    assert (await world.rooms.join(ROOM, "urgent", pool="p")).standing is Standing.WAITING
    assert (await world.view()).credit == 0
    await world.hold(OPEN)
    await world.call(urgent=1, regular=1)
    await world.rooms.call(ROOM, {}, owner="me", credit=1)
    assert (await world.rooms.join(ROOM, "regular", pool="p")).standing is Standing.CLAIMED


async def test_only_the_first_seed_counts(world: World) -> None:
    """A second leader with a seed of its own changes neither the commitment nor the borders, before or after."""
    await world.join(count=2)
    await world.hold(WANTED)
    await world.join(count=2)
    other = Cohort(opens_at=AT, seed=bytes(32))
    assert await world.hold(other) is CohortChange.SAME
    assert await world.hold(Cohort(opens_at=AT, seed=bytes(32), opened=True)) is CohortChange.OPENED
    await world.join(count=2)
    assert await world.hold(OPEN) is CohortChange.SAME
    cohort = (await world.view()).cohort
    assert cohort is not None
    assert (cohort.seed, cohort.ranges["regular"]) == (SEED, (2, 4))


async def test_only_the_leader_begins_and_opens(world: World) -> None:
    """Without the lease nothing happens."""
    assert await world.hold(WANTED, owner="other") is None
    assert (await world.view()).cohort is None
    await world.hold(WANTED)
    assert await world.hold(OPEN, owner="other") is None
    cohort = (await world.view()).cohort
    assert cohort is not None
    assert not cohort.opened


async def test_an_opening_without_anybody_is_no_special_case(world: World) -> None:
    """Nobody came: the room opens, serves those who come then, and the next opening begins a cohort again."""
    await world.hold(WANTED)
    assert await world.hold(OPEN) is CohortChange.OPENED
    epoch = await world.join(count=2)
    assert await world.call(regular=2) == {"urgent": 0, "regular": 2}
    assert await world.claims([1, 2], epoch) == [1, 2]
    assert await world.hold(Cohort(opens_at=AT + 60, seed=bytes(32))) is CohortChange.BEGUN


async def test_no_cohort_begins_while_the_former_one_is_called(world: World) -> None:
    """Such an opening has no shuffle, even if the former cohort is through before it; the one after has one."""
    await world.hold(WANTED)
    epoch = await world.join(count=4)
    second, third = Cohort(opens_at=AT + 60, seed=bytes(32)), Cohort(opens_at=AT + 120, seed=bytes(32))
    assert await world.hold(second) is CohortChange.BUSY
    await world.hold(OPEN)
    await world.call(regular=3)
    assert await world.hold(second) is CohortChange.BUSY
    await world.join(count=2)
    assert await world.call(regular=2) == {"urgent": 0, "regular": 2}
    assert 5 in await world.claims([5, 6], epoch)
    assert await world.hold(second) is CohortChange.BUSY
    assert await world.hold(third) is CohortChange.BEGUN


async def test_a_lost_room_gets_its_opening_back(world: World) -> None:
    """After the store lost everything the order is that which was published, at the position that was reached."""
    await world.hold(WANTED)
    epoch = await world.join(count=20)
    await world.hold(OPEN)
    await world.call(regular=5)
    known = await world.view()
    lost = world.lose()  # type: ignore[operator]
    if lost is not None:
        await lost
    assert await world.rooms.open(ROOM, known) == epoch
    view = await world.view()
    assert (view.cohort, view.lanes["regular"].serving) == (known.cohort, 5)
    numbers = range(1, 21)
    await world.rooms.touch(ROOM, {"regular": numbers})
    await world.call(regular=5)
    assert await world.claims(order(known)[5:], epoch) == order(known)[5:10]


async def test_a_store_that_fell_behind_is_told_what_was_published(world: World) -> None:
    """A leader that knows an opened cohort makes a store that forgot the opening hold the same borders."""
    opened = Cohort(opens_at=AT, seed=SEED, opened=True, ranges={"urgent": (0, 3), "regular": (2, 9)})
    await world.join(count=4)
    assert await world.hold(opened) is CohortChange.OPENED
    view = await world.view()
    assert view.cohort == opened
    assert {name: lane.issued for name, lane in view.lanes.items()} == {"urgent": 3, "regular": 9}

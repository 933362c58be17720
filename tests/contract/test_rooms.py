"""One suite over every store: the reference model, the bundled Valkey and the system's Redis."""

import asyncio

import pytest

from gateway.core.room import Standing
from tests.contract.conftest import ROOM, World, call, claim, join


async def test_numbers_count_joins_within_a_lane(world: World) -> None:
    """Each lane numbers its own joins from 1, without gaps."""
    numbers = [(await world.rooms.join(ROOM, lane, pool="p")).number for lane in ("regular", "urgent", "regular")]
    assert numbers == [1, 1, 2]


async def test_a_visit_waits_until_it_is_called(world: World) -> None:
    """A claim before the call reports waiting, after it the claim succeeds."""
    epoch = await join(world, count=2)
    assert await claim(world, 1, epoch) is Standing.WAITING
    assert await call(world, regular=1) == {"urgent": 0, "regular": 1}
    assert await claim(world, 1, epoch) is Standing.CLAIMED
    assert await claim(world, 2, epoch) is Standing.WAITING


async def test_repeated_claims_give_the_first_claim(world: World) -> None:
    """Ten parallel claims with one ticket give one admission, with one time and one pool."""
    epoch = await join(world)
    await call(world, regular=1)
    claims = await asyncio.gather(*(world.rooms.claim(ROOM, "regular", 1, epoch, pool=f"pool{i}") for i in range(10)))
    assert len({(c.standing, c.claimed_at, c.pool) for c in claims}) == 1
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert view.lanes["regular"].claims == 1


async def test_credit_admits_at_once_when_nobody_waits(world: World) -> None:
    """With credit and an empty room a join is a claim; when the credit is used up it is a place."""
    await call(world, credit=1)
    assert (await world.rooms.join(ROOM, "regular", pool="p")).standing is Standing.CLAIMED
    assert (await world.rooms.join(ROOM, "regular", pool="p")).standing is Standing.WAITING


async def test_credit_does_not_overtake_waiters(world: World) -> None:
    """Credit is not spent on a newcomer while somebody waits, in whatever lane."""
    await join(world, "urgent")
    await call(world, credit=5)
    assert (await world.rooms.join(ROOM, "regular", pool="p")).standing is Standing.WAITING


async def test_leavers_hold_nobody_up(world: World) -> None:
    """Who has left is not counted as waiting and is not called."""
    epoch = await join(world, count=3)
    assert await world.rooms.leave(ROOM, "regular", 1, epoch) is True
    assert await world.rooms.leave(ROOM, "regular", 1, epoch) is False
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.lanes["regular"].waiting, view.lanes["regular"].leavers) == (2, 1)
    await call(world, regular=1)
    assert await claim(world, 2, epoch) is Standing.CLAIMED
    assert await claim(world, 1, epoch) is Standing.GONE
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.lanes["regular"].waiting, view.lanes["regular"].serving) == (1, 2)


async def test_silent_visits_hold_nobody_up_and_come_back_near_the_front(world: World) -> None:
    """A silent head is passed over; when it returns it is called before those behind it."""
    epoch = await join(world, count=3)
    for _ in range(3):
        await world.passes(0.45)
        await world.rooms.touch(ROOM, {"regular": [2, 3]})
        await world.rooms.sweep(ROOM, owner="me")
    assert await call(world, regular=1) == {"urgent": 0, "regular": 1}
    assert await claim(world, 2, epoch) is Standing.CLAIMED
    assert await claim(world, 1, epoch) is Standing.RETURNING
    await call(world, regular=1)
    assert await claim(world, 1, epoch) is Standing.CLAIMED


async def test_a_missed_turn_returns_once(world: World) -> None:
    """Called and not claimed in time is a no-show; the second miss ends the ticket."""
    epoch = await join(world)
    for expected in (Standing.RETURNING, Standing.GONE):
        await call(world, regular=1)
        await world.passes(0.35)
        assert await world.rooms.sweep(ROOM, owner="me") == 1
        assert await claim(world, 1, epoch) is expected
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert view.lanes["regular"].no_shows == 2


async def test_old_claims_are_forgotten(world: World) -> None:
    """A claim is remembered for a while; after that its ticket is gone, not claimable again."""
    epoch = await join(world)
    await call(world, regular=1)
    assert await claim(world, 1, epoch) is Standing.CLAIMED
    await world.passes(0.6)
    await world.rooms.sweep(ROOM, owner="me")
    assert await claim(world, 1, epoch) is Standing.GONE


async def test_looking_at_a_place_changes_nothing(world: World) -> None:
    """Waiting, called, returning and silent places stand as waiting; claimed, left and never given ones do not."""

    async def standing(number: int, lane: str = "regular") -> Standing:
        return await world.rooms.standing(ROOM, lane, number, epoch)

    epoch = await join(world, count=4)
    await world.rooms.leave(ROOM, "regular", 2, epoch)
    assert [await standing(n) for n in range(6)] == [
        Standing.GONE,
        Standing.WAITING,
        Standing.GONE,
        Standing.WAITING,
        Standing.WAITING,
        Standing.GONE,
    ]
    await call(world, regular=2)
    assert await standing(1) is Standing.WAITING
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.lanes["regular"].issued, view.lanes["regular"].claims, view.lanes["regular"].called) == (4, 0, 2)
    assert await claim(world, 1, epoch) is Standing.CLAIMED
    assert await standing(1) is Standing.CLAIMED
    await world.passes(0.6)
    await world.rooms.sweep(ROOM, owner="me")
    assert await standing(1) is Standing.GONE
    assert await claim(world, 3, epoch) is Standing.RETURNING
    assert await standing(3) is Standing.WAITING
    assert await standing(1, "nowhere") is Standing.STALE
    assert await world.rooms.standing(ROOM, "regular", 4, "another") is Standing.STALE


async def test_a_full_room_hands_out_no_numbers(world: World) -> None:
    """The queue has a limit; beyond it a join is refused without using up a number."""
    await join(world, count=50)
    refused = await world.rooms.join(ROOM, "urgent", pool="p")
    assert (refused.standing, refused.number) == (Standing.FULL, 0)
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.waiting, view.lanes["urgent"].issued) == (50, 0)


async def test_only_the_leader_calls(world: World) -> None:
    """While one owner holds the lease another neither leads, calls nor sweeps."""
    await join(world)
    other = await world.rooms.view(ROOM, owner="other", lease=60, report=b"")
    assert other.leader is False
    assert await world.rooms.call(ROOM, {"regular": 1}, owner="other", credit=0) is None
    assert await world.rooms.sweep(ROOM, owner="other") is None
    assert (await world.rooms.view(ROOM, owner="me", lease=0.0, report=b"")).leader is False
    assert (await world.rooms.view(ROOM, owner="other", lease=60, report=b"")).leader is True


async def test_tickets_of_another_epoch_are_stale(world: World) -> None:
    """A ticket of an earlier life of the room does not claim in this one."""
    await join(world)
    await call(world, regular=1)
    assert await claim(world, 1, "another") is Standing.STALE


async def test_a_lost_room_is_restored_from_what_a_gateway_knows(world: World) -> None:
    """After the store lost everything, epoch and counters come back, and a later ticket moves them on."""
    epoch = await join(world, count=5)
    await call(world, regular=2)
    seed = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    if world.client is None:
        world.rooms._models.clear()  # type: ignore[attr-defined]
    else:
        await world.client.flushall()
    assert await world.rooms.open(ROOM, seed) == epoch
    assert await claim(world, 7, epoch) is Standing.WAITING
    assert (await world.rooms.join(ROOM, "regular", pool="p")).number == 8
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert view.lanes["regular"].serving == 2


async def test_reports_and_control_reach_every_gateway(world: World) -> None:
    """What one gateway reports and what the operator sets is in everybody's view."""
    await world.rooms.view(ROOM, owner="me", lease=60, report=b'{"a":1}')
    await world.rooms.set_control(ROOM, b'{"paused":true}')
    view = await world.rooms.view(ROOM, owner="other", lease=60, report=b'{"b":2}')
    assert view.reports == {"me": b'{"a":1}', "other": b'{"b":2}'}
    assert view.control == b'{"paused":true}'


async def test_the_wait_of_the_head_is_known(world: World) -> None:
    """The view tells since when the head of a lane waits, to within a few tickets, and None for nobody."""
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert view.lanes["regular"].head_joined_at is None
    await join(world, count=1)
    await world.passes(0.2)
    await world.rooms.touch(ROOM, {"regular": [1]})
    await join(world, count=3)
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert view.now - (view.lanes["regular"].head_joined_at or 0) == pytest.approx(0.2, abs=0.15)

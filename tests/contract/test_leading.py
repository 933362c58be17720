"""One suite over every store: leases and fences, who is present, the end of an epoch."""

from gateway.core.room import Standing
from tests.contract.conftest import ROOM, World, call, claim, join


async def test_calls_decided_under_an_old_fence_are_refused(world: World) -> None:
    """A leader that slept while another one led cannot call or sweep by what it had seen, until it has looked again."""
    await join(world, count=4)
    assert (await world.rooms.view(ROOM, owner="me", lease=0.05, report=b"")).fence == 1
    await world.passes(0.1)
    other = await world.rooms.view(ROOM, owner="other", lease=0.05, report=b"")
    assert (other.leader, other.fence) == (True, 2)
    assert await call(world, regular=2) is None
    await world.passes(0.1)
    assert await call(world, regular=2) is None, "the lease of the other has run out, but it is not ours again"
    assert await world.rooms.sweep(ROOM, owner="me") is None
    assert (await world.rooms.view(ROOM, owner="me", lease=60, report=b"")).fence == 3
    assert await call(world, regular=2) == {"urgent": 0, "regular": 2}


async def test_a_lease_that_had_run_out_is_a_new_one(world: World) -> None:
    """The same owner, too late to renew, leads under a new fence; renewing in time keeps it."""
    fences = [(await world.rooms.view(ROOM, owner="me", lease=60, report=b"")).fence for _ in range(3)]
    assert fences == [1, 1, 1]
    await world.rooms.view(ROOM, owner="me", lease=0.05, report=b"")
    await world.passes(0.1)
    assert (await world.rooms.view(ROOM, owner="me", lease=60, report=b"")).fence == 2


async def test_a_lease_from_before_the_clock_stepped_back_is_over(world: World) -> None:
    """A lease that ends far beyond what any gateway asks for does not keep the others from leading until then."""
    await world.rooms.view(ROOM, owner="me", lease=6000, report=b"")
    other = await world.rooms.view(ROOM, owner="other", lease=60, report=b"")
    assert other.leader is True
    assert await call(world, regular=1) is None


async def test_the_report_of_a_gateway_that_died_is_forgotten(world: World) -> None:
    """Its visits go on at the others, who count them: its own count of them must not stay beside theirs."""
    await world.rooms.view(ROOM, owner="dead", lease=0.0, report=b"mine")
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"ours")
    assert view.reports == {"dead": b"mine", "me": b"ours"}
    await world.passes(0.5)
    assert (await world.rooms.view(ROOM, owner="me", lease=60, report=b"ours")).reports == {"me": b"ours"}


async def test_the_absent_do_not_count_as_present(world: World) -> None:
    """Who left or has fallen silent is not in the profile; who is heard of again is."""
    epoch = await join(world, count=20)
    await world.rooms.leave(ROOM, "regular", 20, epoch)
    await world.passes(0.5)
    await world.rooms.sweep(ROOM, owner="me")
    await world.passes(0.5)
    await world.rooms.sweep(ROOM, owner="me")
    await world.rooms.touch(ROOM, {"regular": [3, 4, 19, 20]})
    await world.rooms.count_present(ROOM)
    found = (await world.rooms.presence(ROOM))["regular"]
    assert found.ahead_of(21, 0) == 3


async def test_an_empty_room_begins_a_new_epoch_after_enough_tickets(world: World) -> None:
    """With nobody waiting, called or just let in, old tickets become stale and numbers begin anew."""
    epoch = await join(world, count=3)
    assert await world.rooms.roll(ROOM, owner="me") == epoch, "somebody waits"
    await call(world, regular=3)
    assert await world.rooms.roll(ROOM, owner="me") == epoch, "somebody is called"
    assert await claim(world, 1, epoch) is Standing.CLAIMED
    for number in (2, 3):
        await world.rooms.leave(ROOM, "regular", number, epoch)
    assert await world.rooms.roll(ROOM, owner="me") == epoch, "somebody has just come in"
    await world.passes(0.3)
    new = await world.rooms.roll(ROOM, owner="me")
    assert new not in (None, epoch)
    assert await claim(world, 2, epoch) is Standing.STALE
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.epoch, view.lanes["regular"].issued, view.lanes["regular"].calls) == (new, 0, 0)
    assert (await world.rooms.join(ROOM, "regular", pool="p")).number == 1
    assert await world.rooms.roll(ROOM, owner="stranger") is None


async def test_what_was_known_of_the_old_epoch_does_not_reach_the_new_one(world: World) -> None:
    """Before they have looked again, gateways still hold numbers and heartbeats of the epoch that has just ended."""
    epoch = await join(world, count=3)
    await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    for number in (1, 2, 3):
        await world.rooms.leave(ROOM, "regular", number, epoch)
    await call(world, regular=3)
    await world.passes(0.3)
    assert await world.rooms.roll(ROOM, owner="me") not in (None, epoch)
    await world.rooms.touch(ROOM, {"regular": [3]})
    assert (await world.rooms.join(ROOM, "regular", pool="p")).number == 1
    view = await world.rooms.view(ROOM, owner="me", lease=60, report=b"")
    assert (view.waiting, view.lanes["regular"].issued) == (1, 1)

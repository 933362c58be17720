"""A crowd at the store itself: visits join, are called and claim while something is done to the servers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from gateway.core.room import Claim, LaneView, Standing
from gateway.errors import StoreUnavailable
from gateway.store.redis_room import RedisRooms
from tests.conftest import until

LANE = "regular"
JOINING, CLAIMED_AT_ONCE, PAUSE = 8, 20, 0.02


@dataclass(slots=True)
class Crowd:
    """Whom the store gave a place and whom it let in; any error but StoreUnavailable ends the test."""

    rooms: RedisRooms
    room: str
    epoch: str
    numbers: list[int] = field(default_factory=list)
    claims: dict[int, set[Claim]] = field(default_factory=dict)
    refused: int = 0
    over: bool = False
    longest_gap: float = 0.0
    joined_at: float = field(default_factory=time.monotonic)

    async def join(self) -> None:
        joined = await self.rooms.join(self.room, LANE, pool="p")
        assert (joined.standing, joined.epoch) == (Standing.WAITING, self.epoch)
        self.numbers.append(joined.number)
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self.joined_at)
        self.joined_at = now

    async def lead(self) -> None:
        view = await self.rooms.view(self.room, owner="me", lease=60, report=b"{}")
        assert view.epoch == self.epoch, "the room is not lost"
        await self.rooms.call(self.room, {LANE: 3 * CLAIMED_AT_ONCE}, owner="me", credit=0)
        await self.rooms.sweep(self.room, owner="me")

    async def claim(self) -> None:
        """Show the oldest tickets that are not in yet, each twice at once."""
        for number in sorted(set(self.numbers) - self.claims.keys())[:CLAIMED_AT_ONCE]:
            twice = (self.rooms.claim(self.room, LANE, number, self.epoch, pool=pool) for pool in ("p", "q"))
            for claim in await asyncio.gather(*twice, return_exceptions=True):
                if isinstance(claim, BaseException):
                    raise claim
                assert claim.standing in (Standing.WAITING, Standing.CLAIMED), "nobody has lost the place"
                if claim.standing is Standing.CLAIMED:
                    self.claims.setdefault(number, set()).add(claim)

    async def go_on(self, work: Callable[[], Awaitable[None]]) -> None:
        while not self.over:
            try:
                await work()
            except StoreUnavailable:
                self.refused += 1
            await asyncio.sleep(PAUSE)

    async def moves_on(self) -> None:
        """Wait until another hundred have joined and as many have got in."""
        joined, claimed = len(self.numbers) + 100, len(self.claims) + 100
        await until(lambda: len(self.numbers) > joined and len(self.claims) > claimed, 20, "the crowd moves on")

    async def is_refused(self) -> None:
        """Wait until the store has failed the crowd another few times."""
        refused = self.refused + 5
        await until(lambda: self.refused > refused, 20, "the crowd is refused")

    async def all_get_in(self) -> LaneView:
        """Call and claim until every ticket that was handed out is in; returns the lane's counters then."""
        while self.claims.keys() < set(self.numbers):
            await self.lead()
            await self.claim()
        for start in range(0, len(self.numbers), CLAIMED_AT_ONCE):
            numbers = self.numbers[start : start + CLAIMED_AT_ONCE]
            late = (self.rooms.claim(self.room, LANE, number, self.epoch, pool="late") for number in numbers)
            for number, claim in zip(numbers, await asyncio.gather(*late), strict=True):
                self.claims[number].add(claim)
        return (await self.rooms.view(self.room, owner="me", lease=60, report=b"")).lanes[LANE]

    def check(self, lane: LaneView, lost_answers: int = 0) -> None:
        """No place twice, no place lost, nobody in twice; `lost_answers` places may exist that nobody heard of."""
        assert len(set(self.numbers)) == len(self.numbers), "each number was handed out once"
        assert all(len(claims) == 1 for claims in self.claims.values()), "each repetition got the first claim"
        assert lane.claims == len(self.claims) == len(self.numbers), "everybody is in, once"
        assert len(self.numbers) <= lane.issued <= len(self.numbers) + lost_answers
        assert lane.calls <= lane.issued, "nobody was called twice"


@contextlib.asynccontextmanager
async def crowd_at(rooms: RedisRooms, room: str) -> AsyncIterator[Crowd]:
    """Let a crowd come and go in the background until the block ends."""
    crowd = Crowd(rooms, room, await rooms.open(room, None))
    works = [crowd.join] * JOINING + [crowd.lead, crowd.claim]
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(crowd.go_on(work))
        try:
            await crowd.moves_on()
            yield crowd
        finally:
            crowd.over = True

"""The reference room, in memory: the state machine of `room.py` as plain Python, for simulation and contract tests.

What the scripts in `store/lua` do with bitmaps and sorted sets is done here with sets and dictionaries; one suite of
contract tests and one state machine hold the two together. A step costs O(lanes), whatever the length of the queue.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, nsmallest

from gateway.core.cohort import Cohort, CohortChange, held_after
from gateway.core.presence import PresenceProfile
from gateway.core.room import NOWHERE, SCAN_LIMIT, Claim, Joined, LaneView, RoomView, Standing


@dataclass(slots=True)
class _Lane:
    name: str
    cohort: Cohort | None = None
    issued: int = 0
    serving: int = 0
    left: int = 0
    head: int = 1
    gone: set[int] = field(default_factory=set)
    let_in: set[int] = field(default_factory=set)
    missed: set[int] = field(default_factory=set)
    returning: set[int] = field(default_factory=set)
    seen: dict[int, float] = field(default_factory=dict)
    called: dict[int, float] = field(default_factory=dict)
    claimed: dict[int, tuple[float, str]] = field(default_factory=dict)
    joined: dict[int, float] = field(default_factory=dict)
    admitted: deque[tuple[float, int]] = field(default_factory=deque)
    overdue: list[tuple[float, int]] = field(default_factory=list)
    calls: int = 0
    claims: int = 0
    no_shows: int = 0
    leavers: int = 0

    @property
    def waiting(self) -> int:
        return max(0, self.issued - self.serving - self.left) + len(self.returning)

    def view(self) -> LaneView:
        self.head = max(self.head, self.serving + 1)
        while self.head <= self.issued and self.ticket(self.head) in self.gone:
            self.head += 1
        return LaneView(
            issued=self.issued,
            serving=self.serving,
            left=self.left,
            called=len(self.called),
            returning=len(self.returning),
            calls=self.calls,
            claims=self.claims,
            no_shows=self.no_shows,
            leavers=self.leavers,
            head_joined_at=self.joined.get(self.ticket(self.head)) if self.head <= self.issued else None,
        )

    def position(self, number: int) -> int:
        return number if self.cohort is None else self.cohort.position(self.name, number)

    def ticket(self, position: int) -> int:
        return position if self.cohort is None else self.cohort.ticket(self.name, position)

    def present(self, number: int, since: float) -> bool:
        return number not in self.gone and self.seen.get(number, -1e18) > since

    def admit(self, number: int, now: float, pool: str) -> None:
        assert self.position(number) <= self.serving <= self.issued
        self.claimed[number] = (now, pool)
        self.admitted.append((now, number))
        self.claims += 1

    def end_calls(self, now: float) -> int:
        """End calls past their deadline, a second miss for good; returns how many."""
        missed = 0
        while self.overdue and self.overdue[0][0] <= now:
            deadline, number = heappop(self.overdue)
            if self.called.get(number) != deadline:
                continue  # claimed or left in the meantime, or called anew
            del self.called[number]
            self.no_shows += 1
            missed += 1
            (self.gone if number in self.missed else self.missed).add(number)
        return missed

    def forget_claims(self, until: float) -> None:
        """Forget the claims up to `until`; they stand in the order of their times."""
        while self.admitted and self.admitted[0][0] <= until:
            number = self.admitted.popleft()[1]
            del self.claimed[number]
            self.gone.add(number)
            self.let_in.add(number)


class RoomModel:
    """The reference room, in memory; every method takes the store's time in seconds and takes O(lanes) of it."""

    def __init__(self, *, room: str, epoch: str, lanes: Sequence[str], max_waiting: int, grace: float) -> None:
        self.room = room
        self.epoch = epoch
        self.max_waiting = max_waiting
        self.grace = grace
        self.credit = 0
        self.skipped = 0
        self.lanes = {name: _Lane(name=name) for name in lanes}
        self.persons: dict[bytes, tuple[str, int]] = {}

    def view(self, now: float, *, leader: bool = True) -> RoomView:
        """Return the counters of all lanes."""
        return RoomView(
            room=self.room,
            epoch=self.epoch,
            now=now,
            leader=leader,
            credit=self.credit,
            lanes={name: lane.view() for name, lane in self.lanes.items()},
            cohort=self.cohort,
        )

    def join(
        self, lane_name: str, now: float, pool: str, person: bytes = b"", over: tuple[str, int] = NOWHERE
    ) -> Joined:
        """Hand out the next number; claims it at once when nobody waits and there is credit; one place per person."""
        kept = self.persons.get(person)
        if kept is not None and kept != over and kept[1] not in self.lanes[kept[0]].gone:
            return self._joined(Standing.KEPT, *kept, now)
        waiting = sum(lane.waiting for lane in self.lanes.values())
        lane = self.lanes[lane_name]
        if waiting >= self.max_waiting:
            return self._joined(Standing.FULL, lane_name, 0, now)
        lane.issued += 1
        number = lane.issued
        if person:
            self.persons[person] = lane_name, number
        lane.joined[number] = now
        lane.seen[number] = now
        if waiting == 0 and self.credit > 0:
            self.credit -= 1
            lane.serving, lane.left = number, 0
            lane.calls += 1
            lane.admit(number, now, pool)
            return self._joined(Standing.CLAIMED, lane_name, number, now, pool)
        return self._joined(Standing.WAITING, lane_name, number, now)

    def _joined(self, standing: Standing, lane: str, number: int, now: float, pool: str = "") -> Joined:
        return Joined(standing=standing, lane=lane, number=number, epoch=self.epoch, now=now, pool=pool)

    def touch(self, tickets: Mapping[str, Sequence[int]], now: float) -> None:
        """Note that the visits with these tickets were heard of."""
        for name, numbers in tickets.items():
            lane = self.lanes[name]
            for number in numbers:
                lane.seen[number] = now
                lane.issued = max(lane.issued, number)

    def call(self, wanted: Mapping[str, int], now: float, claim_window: float, credit: int) -> dict[str, int]:
        """Call up to `wanted` present visits per lane, returners first; returns how many were called."""
        called = {}
        for name, lane in self.lanes.items():
            numbers = self._choose(lane, wanted.get(name, 0), now)
            for number in numbers:
                lane.called[number] = now + claim_window
                heappush(lane.overdue, (now + claim_window, number))
            lane.calls += len(numbers)
            called[name] = len(numbers)
        self.credit = 0 if self.prequeue else credit
        return called

    def _choose(self, lane: _Lane, count: int, now: float) -> list[int]:
        if count <= 0:
            return []
        numbers = nsmallest(count, lane.returning, key=lane.position)
        lane.returning.difference_update(numbers)
        last = min(
            lane.issued if lane.cohort is None else lane.cohort.limit(lane.name, lane.issued), lane.serving + SCAN_LIMIT
        )
        while len(numbers) < count and lane.serving < last:
            lane.serving += 1
            number = lane.ticket(lane.serving)
            if lane.present(number, now - self.grace):
                numbers.append(number)
            elif number in lane.gone:
                lane.left -= 1
        return numbers

    def claim(self, lane_name: str, number: int, epoch: str, now: float, pool: str) -> Claim:
        """Take the turn if the ticket is called; the first claim wins and repetitions repeat it."""
        lane = self.lanes.get(lane_name)
        if epoch != self.epoch or lane is None:
            return Claim(standing=Standing.STALE)
        if number in lane.claimed:
            claimed_at, first_pool = lane.claimed[number]
            return Claim(standing=Standing.CLAIMED, claimed_at=claimed_at, pool=first_pool)
        if number in lane.gone:
            return Claim(standing=Standing.GONE, let_in=number in lane.let_in)
        lane.seen[number] = now
        lane.issued = max(lane.issued, number)
        if lane.called.pop(number, None) is not None:
            lane.admit(number, now, pool)
            return Claim(standing=Standing.CLAIMED, claimed_at=now, pool=pool)
        if lane.position(number) > lane.serving:
            return Claim(standing=Standing.WAITING)
        lane.returning.add(number)
        return Claim(standing=Standing.RETURNING)

    def leave(self, lane_name: str, number: int, epoch: str) -> bool:
        """Give the place up; returns whether there was one."""
        lane = self.lanes.get(lane_name)
        if epoch != self.epoch or lane is None or number in lane.gone or number in lane.claimed:
            return False
        lane.called.pop(number, None)
        lane.returning.discard(number)
        lane.gone.add(number)
        lane.left += lane.position(number) > lane.serving
        lane.leavers += 1
        return True

    def standing(self, lane_name: str, number: int, epoch: str) -> Standing:
        """Tell how a place stands and change nothing; called and returning ones are waiting too."""
        lane = self.lanes.get(lane_name)
        if epoch != self.epoch or lane is None:
            return Standing.STALE
        if number in lane.claimed:
            return Standing.CLAIMED
        return Standing.WAITING if 1 <= number <= lane.issued and number not in lane.gone else Standing.GONE

    def sweep(self, now: float, keep_claims: float) -> int:
        """End calls past their deadline and forget old claims; returns the number of no-shows."""
        missed = 0
        for lane in self.lanes.values():
            missed += lane.end_calls(now)
            lane.forget_claims(now - keep_claims)
        return missed

    def presence(self, now: float) -> dict[str, PresenceProfile]:
        """Return who is present behind the serving number, number by number: O(waiting)."""
        since = now - self.grace
        return {
            name: PresenceProfile(
                first=lane.serving + 1,
                block=1,
                end=lane.issued + 1,
                counts=tuple(int(lane.present(n, since)) for n in range(lane.serving + 1, lane.issued + 1)),
            )
            for name, lane in self.lanes.items()
            if lane.issued > lane.serving
        }

    def roll(self, now: float, *, roll_after: int, quiet: float, epoch: str) -> str:
        """Begin `epoch` when the room is empty and has handed out `roll_after` numbers; returns the epoch in force."""
        lanes = self.lanes.values()
        busy = any(lane.waiting or lane.called for lane in lanes)
        recent = any(lane.admitted[-1][0] >= now - quiet for lane in lanes if lane.admitted)
        if not busy and not recent and not self.prequeue and sum(lane.issued for lane in lanes) >= roll_after:
            self.epoch, self.credit = epoch, 0
            self.lanes = {name: _Lane(name=name) for name in self.lanes}
            self.persons.clear()
        return self.epoch

    # Openings --------------------------------------------------------------------------------------------

    @property
    def cohort(self) -> Cohort | None:
        """The cohort of the last opening, or of the one ahead."""
        return next(iter(self.lanes.values())).cohort

    def set_cohort(self, cohort: Cohort | None) -> None:
        """Hold this cohort from now on, in all lanes."""
        for lane in self.lanes.values():
            lane.cohort = cohort

    @property
    def prequeue(self) -> bool:
        """Whether people wait for an opening."""
        return self.cohort is not None and not self.cohort.opened

    def hold_cohort(self, wanted: Cohort) -> CohortChange:
        """Begin the cohort of an opening, or open it."""
        if self.skipped == wanted.opens_at:
            return CohortChange.BUSY
        issued = {name: lane.issued for name, lane in self.lanes.items()}
        serving = {name: lane.serving for name, lane in self.lanes.items()}
        cohort, change = held_after(self.cohort, wanted, issued, serving)
        if change is CohortChange.BUSY:
            self.skipped = wanted.opens_at
        elif change is not CohortChange.SAME:
            self.credit = 0
            self.set_cohort(cohort)
            for name, (first, last) in cohort.ranges.items():
                self.lanes[name].issued = max(self.lanes[name].issued, first, last)
        return change

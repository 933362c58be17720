"""The room: the queue before one protected part of a site, as a pure state machine.

A ticket is a number within a lane. Two counters carry the order: `issued` (highest handed out) and
`serving` (highest passed by the caller). Where a ticket stands follows from them and four small sets:

    waiting ---call---> called ---claim---> claimed ---(forgotten after a while)---> gone
       |                  |
       |                  +--deadline--> missed --returns once--> returning --call--> called
       +--turn comes while silent--> passed over --returns--> returning
       +--leave--> gone        (from waiting, called, returning)

Invariants: serving <= issued; within a lane nobody is called before a present visit with a lower
number; a ticket is claimed at most once and every repetition gets the same claim; nobody silent holds
anybody up; a missed turn returns near the front once, after the second miss the ticket is gone.
`RoomModel` is the reference: the scripts in `store/lua` pass the same contract tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

SCAN_LIMIT = 4096


class Standing(StrEnum):
    """Where a ticket stands, as `claim` and `join` report it."""

    WAITING = "waiting"
    RETURNING = "returning"
    CLAIMED = "claimed"
    GONE = "gone"
    STALE = "stale"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Answer to a join: a waiting place, or at once a claim when nobody waits and there is credit."""

    standing: Standing
    number: int
    epoch: str
    now: float
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Answer to a claim; `claimed_at` and `pool` are those of the first claim with the ticket."""

    standing: Standing
    claimed_at: float = 0.0
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """Counters of one lane since the epoch began; `head_joined_at` is None when nobody waits."""

    issued: int = 0
    serving: int = 0
    left: int = 0
    called: int = 0
    returning: int = 0
    calls: int = 0
    claims: int = 0
    no_shows: int = 0
    leavers: int = 0
    head_joined_at: float | None = None

    @property
    def waiting(self) -> int:
        """Visits that wait for a call, returners included, leavers not."""
        return max(0, self.issued - self.serving - self.left) + self.returning


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    """One consistent reading of a room; `now` is the store's clock in seconds."""

    room: str
    epoch: str
    now: float
    leader: bool
    lanes: Mapping[str, LaneView]
    credit: int = 0
    reports: Mapping[str, bytes] = field(default_factory=dict)
    control: bytes = b""

    @property
    def waiting(self) -> int:
        """Visits that wait in all lanes."""
        return sum(lane.waiting for lane in self.lanes.values())


@dataclass(slots=True)
class _Lane:
    issued: int = 0
    serving: int = 0
    gone: set[int] = field(default_factory=set)
    missed: set[int] = field(default_factory=set)
    returning: set[int] = field(default_factory=set)
    seen: dict[int, float] = field(default_factory=dict)
    called: dict[int, float] = field(default_factory=dict)
    claimed: dict[int, tuple[float, str]] = field(default_factory=dict)
    joined: dict[int, float] = field(default_factory=dict)
    calls: int = 0
    claims: int = 0
    no_shows: int = 0
    leavers: int = 0


class RoomModel:
    """The reference room, in memory; every method takes the store's time in seconds."""

    def __init__(self, *, room: str, epoch: str, lanes: Sequence[str], max_waiting: int, grace: float) -> None:
        self.room = room
        self.epoch = epoch
        self.max_waiting = max_waiting
        self.grace = grace
        self.credit = 0
        self.lanes = {name: _Lane() for name in lanes}

    def view(self, now: float, *, leader: bool = True) -> RoomView:
        """Return the counters of all lanes."""
        return RoomView(
            room=self.room,
            epoch=self.epoch,
            now=now,
            leader=leader,
            credit=self.credit,
            lanes={name: self._lane_view(lane) for name, lane in self.lanes.items()},
        )

    @staticmethod
    def _lane_view(lane: _Lane) -> LaneView:
        head = next((n for n in range(lane.serving + 1, lane.issued + 1) if n not in lane.gone), None)
        return LaneView(
            issued=lane.issued,
            serving=lane.serving,
            left=sum(1 for n in lane.gone if n > lane.serving),
            called=len(lane.called),
            returning=len(lane.returning),
            calls=lane.calls,
            claims=lane.claims,
            no_shows=lane.no_shows,
            leavers=lane.leavers,
            head_joined_at=None if head is None else lane.joined.get(head),
        )

    def join(self, lane_name: str, now: float, pool: str) -> Joined:
        """Hand out the next number; claims it at once when nobody waits and there is credit."""
        waiting = self.view(now).waiting
        lane = self.lanes[lane_name]
        if waiting >= self.max_waiting:
            return Joined(standing=Standing.FULL, number=0, epoch=self.epoch, now=now)
        lane.issued += 1
        number = lane.issued
        lane.joined[number] = now
        lane.seen[number] = now
        if waiting == 0 and self.credit > 0:
            self.credit -= 1
            lane.serving = number
            lane.calls += 1
            self._admit(lane, number, now, pool)
            return Joined(standing=Standing.CLAIMED, number=number, epoch=self.epoch, now=now, pool=pool)
        return Joined(standing=Standing.WAITING, number=number, epoch=self.epoch, now=now)

    @staticmethod
    def _admit(lane: _Lane, number: int, now: float, pool: str) -> None:
        assert number <= lane.serving <= lane.issued
        lane.claimed[number] = (now, pool)
        lane.claims += 1

    def touch(self, tickets: Mapping[str, Sequence[int]], now: float) -> None:
        """Note that the visits with these tickets were heard of."""
        for name, numbers in tickets.items():
            for number in numbers:
                self.lanes[name].seen[number] = now

    def call(self, wanted: Mapping[str, int], now: float, claim_window: float, credit: int) -> dict[str, int]:
        """Call up to `wanted` present visits per lane, returners first; returns how many were called."""
        called = {}
        for name, lane in self.lanes.items():
            count = wanted.get(name, 0)
            numbers = sorted(lane.returning)[:count]
            lane.returning.difference_update(numbers)
            scanned = 0
            while len(numbers) < count and lane.serving < lane.issued and scanned < SCAN_LIMIT:
                lane.serving += 1
                scanned += 1
                number = lane.serving
                if number not in lane.gone and lane.seen.get(number, -1e18) > now - self.grace:
                    numbers.append(number)
            lane.called.update(dict.fromkeys(numbers, now + claim_window))
            lane.calls += len(numbers)
            called[name] = len(numbers)
        self.credit = credit
        return called

    def claim(self, lane_name: str, number: int, epoch: str, now: float, pool: str) -> Claim:
        """Take the turn if the ticket is called; the first claim wins and repetitions repeat it."""
        lane = self.lanes.get(lane_name)
        if epoch != self.epoch or lane is None:
            return Claim(standing=Standing.STALE)
        lane.issued = max(lane.issued, number)
        if number in lane.claimed:
            claimed_at, first_pool = lane.claimed[number]
            return Claim(standing=Standing.CLAIMED, claimed_at=claimed_at, pool=first_pool)
        if number in lane.gone:
            return Claim(standing=Standing.GONE)
        lane.seen[number] = now
        if lane.called.pop(number, None) is not None:
            self._admit(lane, number, now, pool)
            return Claim(standing=Standing.CLAIMED, claimed_at=now, pool=pool)
        if number > lane.serving:
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
            for number in [n for n, deadline in lane.called.items() if deadline <= now]:
                del lane.called[number]
                lane.no_shows += 1
                missed += 1
                (lane.gone if number in lane.missed else lane.missed).add(number)
            for number in [n for n, (at, _) in lane.claimed.items() if at <= now - keep_claims]:
                del lane.claimed[number]
                lane.gone.add(number)
        return missed

"""The room: the queue before one protected part of a site, as a pure state machine.

A ticket is a number within a lane. Two counters carry the order: `issued` (highest handed out) and
`serving` (highest passed by the caller). Where a ticket stands follows from them and four small sets:

    waiting ---call---> called ---claim---> claimed ---(forgotten after a while)---> gone
       |                  |
       |                  +--deadline--> missed --returns once--> returning --call--> called
       +--turn comes while silent--> passed over --returns--> returning
       +--leave--> gone        (from waiting, called, returning)

Invariants: serving <= issued; within a lane nobody is called before a present visit with a lower
position, which is its number unless an opening shuffled it (`cohort`); a ticket is claimed at most once and
every repetition gets the same claim; nobody silent holds anybody up; a missed turn returns near the front
once, after the second miss the ticket is gone.
`RoomModel` in `room_model.py` is the reference: the scripts in `store/lua` pass the same contract tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.cohort import Cohort

SCAN_LIMIT = 4096
NOWHERE = ("", 0)
"""Lane and number of no place."""


class Standing(StrEnum):
    """Where a ticket stands, as `claim` and `join` report it."""

    WAITING = "waiting"
    RETURNING = "returning"
    CLAIMED = "claimed"
    GONE = "gone"
    STALE = "stale"
    FULL = "full"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Answer to a join: a waiting place, or at once a claim when nobody waits and there is credit.

    KEPT is the place that the person has already, in whatever lane; how it stands a claim tells.
    """

    standing: Standing
    lane: str
    number: int
    epoch: str
    now: float
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Answer to a claim; `claimed_at` and `pool` are those of the first claim with the ticket.

    `let_in` tells of a place that is gone that it was claimed, before its claim was forgotten.
    """

    standing: Standing
    claimed_at: float = 0.0
    pool: str = ""
    let_in: bool = False


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

    def joined_at(self, number: int, now: float) -> float:
        """Estimate when a number was handed out: evenly between the head of the lane, whose time is known, and now."""
        if self.head_joined_at is None or self.issued <= self.serving + 1:
            return now if self.head_joined_at is None else self.head_joined_at
        way = (number - self.serving - 1) / (self.issued - self.serving - 1)
        return self.head_joined_at + min(max(way, 0.0), 1.0) * (now - self.head_joined_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    """One consistent reading of a room; `now` is the store's clock in seconds.

    `fence` grows whenever the lease changes hands or had run out; it is 0 for who does not lead.
    """

    room: str
    epoch: str
    now: float
    leader: bool
    lanes: Mapping[str, LaneView]
    fence: int = 0
    credit: int = 0
    reports: Mapping[str, bytes] = field(default_factory=dict)
    control: bytes = b""
    cohort: Cohort | None = None

    @property
    def waiting(self) -> int:
        """Visits that wait in all lanes."""
        return sum(lane.waiting for lane in self.lanes.values())

"""Honest waits of a room: from the place to a range that eight of ten waits fall into, or unknown.

The middle: the present visits ahead, less those of them who will give up, at the rate at which the lane is called.

    wait = ln(1 + loss x ahead / rate) / loss

`rate` is measured from the lane's calls once a queue is ten seconds old, before that it is the plan's or the
controller's own, times the lane's share; where a plan says that the rate will change, the time is integrated over its
steps in proportion. Lanes in which nobody waits for long take as much as arrives in them, now and, in proportion to
the forecast of arrivals, later: when the crowd of the urgent ends, all the others move faster. `loss` is the rate at
which a waiting visit leaves or falls silent, from the balance of those who are present.

The range around it is learned from the waits themselves (`calibration.py`). What was shown first is remembered for a
bounded number of tickets by the gateway that showed it; a visit that is let in by another gateway teaches nothing,
which thins the sample and does not bend it.

No flapping: the upper end that was shown to a ticket is a promise. It counts down, may fall at any time, and rises
only after three looks in a row, at least `PATIENCE` seconds apart, that all say higher, and then with a reason.
"""

from bisect import bisect
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import ceil, inf, log

from forecasting.contract import ForecastRecord
from gateway.core.calibration import Calibration, drained_after
from gateway.core.eta import SHORTEST_POLL, CallRate, Wait, on_grid, rounded
from gateway.core.room import LaneView, RoomView

MIN_RATE = 1e-3
QUEUED = 10.0
"""Seconds after which a queue's own pace is believed."""
MEMORIES = (8.0, 30.0, 120.0, 480.0)
"""Seconds over which a lane's pace is averaged, for near and for distant turns."""
STEP, SETTLED = 0.3, 5.0
"""How far apart, as a logarithm, and for how many seconds the short and the long pace are when capacity has changed."""
SHORT_WAIT = 10.0
"""Seconds of waiting below which a lane takes what arrives in it, no more and no less."""
SLOWEST = 0.05
"""Least pace of a later step against that of now."""
LAG = SHORTEST_POLL / 2
"""Seconds from the turn to the next look of somebody who looks as often as may be."""
LOOKS, PATIENCE = 3, 2.0
MAX_TICKETS = 200_000


class Slower(StrEnum):
    """Why a wait became longer than was said."""

    BACKEND = "backend"
    LANES = "lanes"


class Outcome(StrEnum):
    """Where a realised wait lay against the range that was shown first."""

    INSIDE = "inside"
    EARLIER = "earlier"
    LATER = "later"


@dataclass(slots=True)
class _Lane:
    """The pace of one lane: calls/s over four memories, and losses/s of a waiting visit."""

    paces: tuple[CallRate, ...] = field(
        default_factory=lambda: tuple(CallRate(memory=m, events=30.0) for m in MEMORIES)
    )
    loss: float = 0.0
    issued: int = 0
    present: int = 0
    _apart_since: dict[int, float] = field(default_factory=dict)
    _before: tuple[float, int, int, int] | None = None

    def observe(self, lane: LaneView, present: int, now: float) -> None:
        self.issued, self.present = lane.issued, present
        for pace in self.paces:
            pace.observe(lane.calls, now)
        self._step(now)
        before = self._before
        if before is not None and now - before[0] < 2.0 and now >= before[0] and lane.issued >= before[1]:
            return
        if before is not None and now > before[0] and lane.issued >= before[1] and before[3] >= 10:
            elapsed = now - before[0]
            lost = before[3] + (lane.issued - before[1]) - (lane.calls - before[2]) - present
            self.loss += min(1.0, elapsed / 120.0) * (lost / elapsed / before[3] - self.loss)
        self._before = (now, lane.issued, lane.calls, present)

    def rate(self, horizon: float) -> float | None:
        """Return the pace over about as long a past as the future that is asked about: unrest evens out in both."""
        return self.paces[bisect(MEMORIES, horizon / 2, hi=len(MEMORIES) - 1)].rate

    def _step(self, now: float) -> None:
        """A pace that stays away from a longer one is a step of capacity, not unrest: the longer one starts anew."""
        short = self.paces[0].rate
        for number, pace in enumerate(self.paces[1:], start=1):
            if not short or not pace.rate or abs(log(short / pace.rate)) < STEP:
                self._apart_since.pop(number, None)
            elif now - self._apart_since.setdefault(number, now) >= SETTLED:
                pace.restart(short)
                del self._apart_since[number]


@dataclass(slots=True)
class _Promise:
    """What was shown to one ticket: first of all, and until when its turn is promised now."""

    raw: float
    low: float
    high: float
    at: float
    until: float
    looks: int = 0
    looked_at: float = 0.0
    slower: str = ""
    outlived: bool = False


@dataclass(slots=True)
class Waits:
    """Owns paces, calibration and promises of one room as one gateway sees it."""

    calibration: Calibration = field(default_factory=Calibration)
    expected: float | None = None
    steps: tuple[tuple[float, float, float], ...] = ()
    _record: ForecastRecord | None = None
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _promises: "OrderedDict[tuple[str, str, int], _Promise]" = field(default_factory=OrderedDict)
    _queued_since: float | None = None
    _now: float = 0.0

    def restart(self) -> None:
        """Forget the paces: the queue begins to move, or moves by another order."""
        self._lanes.clear()
        self._queued_since = None

    def observe(self, view: RoomView, present: Mapping[str, int]) -> None:
        """Take a reading of the store and who is present in each lane."""
        self._now = view.now
        if view.waiting == 0 or not present:
            self._queued_since = None
        elif self._queued_since is None:
            self._lanes.clear()  # without a queue the pace is that of the arrivals, which says nothing
            self._queued_since = view.now
        for name, lane in view.lanes.items():
            self._lanes.setdefault(name, _Lane()).observe(lane, present.get(name, 0), view.now)

    def expect(self, own: float | None, record: ForecastRecord | None) -> None:
        """Take the plan's rates, and the controller's own rate of now, which counts where there is no plan."""
        if record is not self._record:
            self._record = record
            rates = ((step.at, step.admission_rate, step.q50) for step in record.steps) if record else ()
            self.steps = tuple((at, rate, arrivals) for at, rate, arrivals in rates if rate)
        begun = bisect(self.steps, (self._now, inf, inf))
        self.expected = self.steps[begun - 1][1] if begun else own

    def rate(self, lane: str, horizon: float = 60.0) -> float | None:
        """Present visits/s by which a lane moves on, as far as `horizon` seconds ahead; None when nothing is known."""
        pace = self._lanes.get(lane)
        measured = pace.rate(horizon) if pace else None
        if measured and self._queued_since is not None and self._now - self._queued_since > QUEUED:
            return measured
        if self.expected and pace:
            issued = sum(p.issued for p in self._lanes.values())
            return self.expected * pace.issued / issued if issued and pace.issued else self.expected
        return self.expected or measured

    def raw(self, lane: str, ahead: int) -> float | None:
        """Return the uncalibrated middle in seconds for a place with `ahead` present visits before it."""
        rate, loss = self.rate(lane), max(0.0, self._lanes[lane].loss) if lane in self._lanes else 0.0
        if rate is None or rate < MIN_RATE:
            return None
        near = drained_after(ahead + 1, rate, loss)
        rate = max(self.rate(lane, near) or rate, MIN_RATE)
        return self._over_steps(drained_after(ahead + 1, rate, loss), rate, self._passing(lane)) + LAG

    def _over_steps(self, seconds: float, rate: float, passing: float) -> float:
        """Stretch a time at the pace of now over the plan's steps; `passing` visits/s are let in by, as they come."""
        now = self._now
        begun = bisect(self.steps, (now, inf, inf))
        if not begun:
            return seconds
        (_, planned, arrivals), left, at, pace = self.steps[begun - 1], seconds, now, 1.0
        for begins, then, coming in self.steps[begun:]:
            span = (begins - at) * pace
            if span >= left:
                break
            whole, others = (rate + passing) * then / planned, passing * coming / max(arrivals, 1e-9)
            left, at, pace = left - span, begins, max((whole - others) / rate, SLOWEST)
        return at - now + left / pace

    def _passing(self, lane: str) -> float:
        """Visits/s let in from the other lanes in which hardly anybody waits."""
        others = (other for name, other in self._lanes.items() if name != lane)
        return sum(pace for other in others if (pace := other.paces[0].rate) and other.present < SHORT_WAIT * pace)

    def newcomer(self, lane: str, ahead: int) -> Wait | None:
        """Return the range for somebody who joins now."""
        raw = self.raw(lane, ahead)
        return None if raw is None else rounded(*self.calibration.bounds(raw, wider=self._unrest(lane)))

    def shown(self, epoch: str, lane: str, number: int, ahead: int) -> Wait | None:
        """Return the range to show to a ticket, within what was promised to it."""
        raw, now = self.raw(lane, ahead), self._now
        if raw is None:
            return None
        wait = rounded(*self.calibration.bounds(raw, wider=self._unrest(lane)))
        key = (epoch, lane, number)
        promise = self._promises.get(key)
        if promise is None:
            self._remember(key, _Promise(raw, wait.low, wait.high, now, now + wait.high))
            return wait
        self._promises.move_to_end(key)
        if not promise.outlived and now > promise.at + promise.high:
            promise.outlived = True
            self.calibration.outlived(promise.raw, now)
        return self._keep(promise, wait, lane)

    def _keep(self, promise: _Promise, wait: Wait, lane: str) -> Wait:
        now, until = self._now, self._now + wait.high
        if until <= promise.until:
            promise.until, promise.looks = until, 0
            return replace(wait, slower=promise.slower)
        if now - promise.looked_at >= PATIENCE:
            promise.looks, promise.looked_at = promise.looks + 1, now
        if promise.looks >= LOOKS:
            promise.until, promise.looks = until, 0
            promise.slower = self._why(lane).value
            return replace(wait, slower=promise.slower)
        high = max(on_grid(promise.until - now, ceil), 1.0)
        return Wait(low=min(wait.low, high), high=high, slower=promise.slower)

    def admitted(self, epoch: str, lane: str, number: int, now: float) -> Outcome | None:
        """Learn from a wait that ended at `now`; None when this gateway had not shown a range to the ticket."""
        promise = self._promises.pop((epoch, lane, number), None)
        if promise is None:
            return None
        since = max(0.0, now - promise.at)
        earlier, later = since < promise.low, since > promise.high
        self.calibration.learn(promise.raw, since, now, earlier=earlier, later=later, counted=promise.outlived)
        return Outcome.LATER if later else Outcome.EARLIER if earlier else Outcome.INSIDE

    def _remember(self, key: tuple[str, str, int], promise: _Promise) -> None:
        self._promises[key] = promise
        if len(self._promises) > MAX_TICKETS:
            self._promises.popitem(last=False)

    def _unrest(self, lane: str) -> float:
        """How far the pace of now is from that of the last minutes: a step of which nobody knows the end."""
        pace = self._lanes.get(lane)
        if pace is None or not (short := pace.paces[0].rate) or not (longer := pace.paces[2].rate):
            return 0.0
        return max(0.0, abs(log(short / longer)) - STEP) / 2

    def _why(self, lane: str) -> Slower:
        before, now = (sum(p.paces[n].rate or 0.0 for p in self._lanes.values()) for n in (2, 0))
        return Slower.BACKEND if now < 0.9 * before or len(self._lanes) == 1 else Slower.LANES

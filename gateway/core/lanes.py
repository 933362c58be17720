"""Which lane is called next: accumulating priority with rates that adapt.

The head of a lane earns priority at a rate b per second waited: 0 on joining, 1 when its time is up. Order inside a
lane is that of joining. In the classic discipline (Kleinrock 1964; Stanford, Taylor and Ziedins 2014) the rates are
fixed and the highest priority goes next. That shares lateness out well, but a burst in an urgent lane begins at 0 and
waits until it has caught up, though all could have been on time. So here

    b = 1 / (s * target wait)    with one stretch s = max(1, largest waited / target of the heads), and
    next is the head whose priority would be the first to reach 1, in s * target - waited seconds.

While no head is late s is 1, and the order is that of deadlines: if any order meets all targets with the calls that
there are, this one does (Jackson 1955; exchanging two neighbours that stand otherwise never helps). When one is late
s grows, all rates fall by the same factor, and the head that is late by the largest factor stands at 1: then this is
the classic discipline, and all lanes get late by the same factor. Both are the same order at the moment of change.
A floor share is owed to each lane whatever the others' need. O(log lanes) per call.

Joining times between a lane's head and now are taken as evenly spread. Nothing is kept but the debts of the floors,
and these are learned from counters that all gateways read alike, so another gateway may lead at any time.

Invariants: the counts returned sum to min(budget, visits waiting), none exceeds its lane's waiting, and
1 <= s <= MOST_STRETCH.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heapreplace

from gateway.core.room import LaneView
from gateway.core.units import Seconds

MOST_STRETCH = 1000.0
NOBODY = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """A lane's wait that operators aim at, and the least share of calls it gets while it has waiters."""

    target_wait: Seconds = 600.0
    floor: float = 0.05

    def __post_init__(self) -> None:
        if self.target_wait <= 0:
            raise ValueError("target_wait must be above 0s")
        if not 0 <= self.floor <= 0.5:
            raise ValueError(f"floor must be in 0..0.5, got {self.floor}")


@dataclass(slots=True)
class _Line:
    """A lane's visits in order: first `returners`, then `heads` who joined evenly between the first one and now."""

    target: float
    waited: float
    returners: int
    heads: int

    def left(self, place: int, stretch: float) -> float:
        """Return the seconds until the priority of the visit at `place` is 1; NOBODY behind the last one."""
        if place < self.returners:
            # A returner's wait is not kept; it counts as having used its target up.
            return stretch * self.target - max(self.waited, self.target)
        if place - self.returners >= self.heads:
            return NOBODY
        return stretch * self.target - self.waited * (1 - (place - self.returners) / self.heads)


@dataclass(slots=True)
class LaneScheduler:
    """Chooses lanes; `stretch` is s of the last choice, `memory` the calls over which a floor is owed."""

    policies: Mapping[str, LanePolicy]
    memory: float = 100.0
    stretch: float = 1.0
    _owed: dict[str, float] = field(default_factory=dict)
    _calls: dict[str, int] = field(default_factory=dict)

    def allocate(self, budget: int, lanes: Mapping[str, LaneView], now: float) -> dict[str, int]:
        """Return how many to call from each lane, `budget` in all or everyone who waits."""
        self._learn(lanes)
        lines = {name: self._line(name, view, now) for name, view in lanes.items()}
        self.stretch = _stretch(lines.values())
        budget = min(budget, sum(line.returners + line.heads for line in lines.values()))
        if budget <= 0:
            return dict.fromkeys(lanes, 0)
        calls = self._floors(budget, lines)
        _share(budget - sum(calls.values()), calls, lines, self.stretch)
        return calls

    def rates(self) -> dict[str, float]:
        """The rates b now: priority per second waited, by lane."""
        return {name: 1.0 / (self.stretch * policy.target_wait) for name, policy in self.policies.items()}

    def _line(self, name: str, view: LaneView, now: float) -> _Line:
        waited = 0.0 if view.head_joined_at is None else max(0.0, now - view.head_joined_at)
        return _Line(self.policies[name].target_wait, waited, view.returning, view.waiting - view.returning)

    def _learn(self, lanes: Mapping[str, LaneView]) -> None:
        """Take from the room's counters what was called since the last look, by whichever gateway."""
        before, self._calls = self._calls, {name: view.calls for name, view in lanes.items()}
        got = {name: calls - before.get(name, calls) for name, calls in self._calls.items()}
        if any(count < 0 for count in got.values()):
            self._owed.clear()  # another epoch
            return
        called = sum(got.values())
        for name, view in lanes.items():
            share = self.policies[name].floor
            owed = self._owed.get(name, 0.0) + share * called - got[name]
            most = share * self.memory if view.waiting else 0.0
            # Half as much the other way: how a gateway that looks seldom adds up may differ from the others by that.
            self._owed[name] = min(max(owed, -share * self.memory / 2), most)

    def _floors(self, budget: int, lines: Mapping[str, _Line]) -> dict[str, int]:
        """Return the calls that are owed in this batch, the largest debt first."""
        owed = {name: self._owed.get(name, 0.0) + self.policies[name].floor * budget for name in lines}
        calls = dict.fromkeys(lines, 0)
        for name in sorted(lines, key=lambda name: -owed[name]):
            waiting = lines[name].returners + lines[name].heads
            calls[name] = max(0, min(int(owed[name] + 1e-9), waiting, budget))
            budget -= calls[name]
        return calls


def _stretch(lines: Iterable[_Line]) -> float:
    return min(max([1.0, *(line.waited / line.target for line in lines if line.heads)]), MOST_STRETCH)


def _share(budget: int, calls: dict[str, int], lines: Mapping[str, _Line], stretch: float) -> None:
    """Add `budget` calls to `calls`, each to the lane whose next visit has the least time left."""
    # Of two with equal time the shorter target goes first; the name makes the order whole.
    queue = [(line.left(calls[name], stretch), line.target, name) for name, line in lines.items()]
    heapify(queue)
    for _ in range(budget):
        _, target, name = queue[0]
        calls[name] += 1
        heapreplace(queue, (lines[name].left(calls[name], stretch), target, name))

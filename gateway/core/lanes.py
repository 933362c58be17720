"""Which lane is called next: the accumulating-priority discipline.

The head of a lane earns priority at a rate b per second waited and the highest goes next; order inside a
lane is that of joining (Kleinrock 1964; Stanford, Taylor and Ziedins 2014). With b = 1 / target wait, the
head's priority is its wait as a share of its target, so the lane that is nearest to missing its target goes
first. A floor share keeps a lane with a distant target from starving: a lane that got less than its floor
of the recent calls goes before all others. O(lanes) per call.

Invariant: the counts returned sum to min(budget, visits waiting), and none exceeds its lane's waiting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.room import LaneView
from gateway.core.units import Seconds


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
class LaneScheduler:
    """Chooses lanes; remembers only each lane's share of recent calls (exponential, `memory` calls)."""

    policies: Mapping[str, LanePolicy]
    memory: float = 100.0
    _share: dict[str, float] = field(default_factory=dict)

    def allocate(self, budget: int, lanes: Mapping[str, LaneView], now: float) -> dict[str, int]:
        """Return how many to call from each lane, `budget` in all or everyone who waits."""
        left = {name: view.waiting for name, view in lanes.items()}
        calls = dict.fromkeys(lanes, 0)
        for _ in range(min(budget, sum(left.values()))):
            name = max(
                (name for name, count in left.items() if count > 0),
                key=lambda name: self._priority(name, lanes[name], now),
            )
            calls[name] += 1
            left[name] -= 1
            self._note(name)
        return calls

    def _priority(self, name: str, lane: LaneView, now: float) -> tuple[bool, float]:
        policy = self.policies[name]
        starved = self._share.get(name, 0.0) < policy.floor
        waited = 0.0 if lane.head_joined_at is None else max(0.0, now - lane.head_joined_at)
        # A returner's wait is not kept; it counts as having reached its target.
        earned = max(waited / policy.target_wait, 1.0 if lane.returning else 0.0)
        return starved, earned + 1e-9 / policy.target_wait

    def _note(self, chosen: str) -> None:
        for name in self.policies:
            old = self._share.get(name, 0.0)
            self._share[name] = old + ((name == chosen) - old) / self.memory

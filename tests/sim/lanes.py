"""A queue with lanes and nothing else: joins and calls by curves, one call for each visit, no chance.

`run` lets the scheduler call; `least_factor` is what the best order could have reached that knew everything in advance.
"""

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt

from gateway.core.lanes import LanePolicy, LaneScheduler
from gateway.core.room import LaneView

Curve = Callable[[float], float]
PRECISION = 1.005


@dataclass(frozen=True, kw_only=True)
class Load:
    """Joins per second by lane, calls per second, and for how long; a turn is `tick` seconds."""

    joins: Mapping[str, Curve]
    calls: Curve
    seconds: int = 3600
    tick: float = 1.0


@dataclass(kw_only=True)
class Waits:
    """What became of it: waits by lane in order of the calls, with the times of the calls, and who still waits.

    `turns` holds calls and those left waiting by lane, turn by turn.
    """

    called: dict[str, list[tuple[float, float]]]
    queues: dict[str, deque[float]]
    stretches: list[float] = field(default_factory=list)
    turns: list[tuple[dict[str, int], dict[str, int]]] = field(default_factory=list)

    def shares(self, lane: str, target: float) -> list[float]:
        """The waits as shares of the target, sorted."""
        return sorted(wait / target for _, wait in self.called[lane])

    def p90(self, lane: str, target: float) -> float:
        """The share of the target that nine of ten waits keep within."""
        shares = self.shares(lane, target)
        return shares[int(0.9 * len(shares))]


def _turns(load: Load) -> list[tuple[float, dict[str, int], int]]:
    """Return time, joins by lane and calls of every turn; unused calls are the caller's to lose."""
    due, credit, turns = dict.fromkeys(load.joins, 0.0), 0.0, []
    for turn in range(int(load.seconds / load.tick)):
        now, joins = turn * load.tick, {}
        for name, curve in load.joins.items():
            due[name] += curve(now) * load.tick
            joins[name] = int(due[name] + 1e-9)
            due[name] -= joins[name]
        credit += load.calls(now) * load.tick
        calls = int(credit + 1e-9)
        credit -= calls
        turns.append((now, joins, calls))
    return turns


def run(policies: Mapping[str, LanePolicy], load: Load, choose: Callable[..., dict[str, int]] | None = None) -> Waits:
    """Let the scheduler, or another `choose`, call through the whole load."""
    scheduler = LaneScheduler(policies)
    waits = Waits(called={name: [] for name in policies}, queues={name: deque() for name in policies})
    for now, joins, budget in _turns(load):
        for name, count in joins.items():
            waits.queues[name].extend([now] * count)
        lanes = {
            name: LaneView(issued=len(queue), calls=len(waits.called[name]), head_joined_at=queue[0] if queue else None)
            for name, queue in waits.queues.items()
        }
        calls = (choose or scheduler.allocate)(budget, lanes, now)
        for name, count in calls.items():
            waits.called[name] += [(now, now - waits.queues[name].popleft()) for _ in range(count)]
        waits.turns.append((calls, {name: len(queue) for name, queue in waits.queues.items()}))
        waits.stretches.append(scheduler.stretch)
    return waits


def least_factor(policies: Mapping[str, LanePolicy], load: Load) -> float:
    """Return the least factor of their targets within which an order that knows everything keeps all waits."""
    low, high = 0.01, 1000.0
    while high / low > PRECISION:
        middle = sqrt(low * high)
        if _kept(policies, load, middle):
            high = middle
        else:
            low = middle
    return high


def _kept(policies: Mapping[str, LanePolicy], load: Load, factor: float) -> bool:
    """Whether calling by deadlines of `factor` times the targets meets them all, which any order could then do."""
    deadlines: list[float] = []
    for now, joins, calls in _turns(load):
        for name, count in joins.items():
            for _ in range(count):
                heapq.heappush(deadlines, now + factor * policies[name].target_wait)
        for _ in range(min(calls, len(deadlines))):
            heapq.heappop(deadlines)
        if deadlines and deadlines[0] <= now:
            return False
    return True

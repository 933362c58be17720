"""The control loop keeps its promises in 500 random mornings, and the checks would see it if it did not."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.core.admission import PoolAdmission
from gateway.core.lanes import LaneScheduler
from gateway.core.pacing import Pacer
from tests.sim.control.__main__ import broken
from tests.sim.control.mornings import morning
from tests.sim.control.world import World

BATCH = 25


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, BATCH))
def test_mornings_keep_every_promise(first: int) -> None:
    """No over-admission, no deadlock, no starvation, whatever demand, faults, forecast and clocks do."""
    assert [what for seed in range(first, first + BATCH) if (what := broken(seed))] == []


def test_a_seed_gives_the_same_morning_again() -> None:
    """A failure can be replayed: the same bookings at the same moments."""
    one, two = World(morning(7)), World(morning(7))
    assert one.plan == two.plan
    assert (one.play().booked, one.at) == (two.play().booked, two.at)
    assert World(morning(8)).plan != one.plan


def flood(self: Pacer, rate: float, elapsed: float) -> int:
    self.level += rate * (elapsed + 2.0)
    return int(self.level)


def forget(allocate: Callable[..., dict[str, int]]) -> Callable[..., dict[str, int]]:
    def chosen(self: LaneScheduler, budget: int, lanes: Mapping[str, Any], now: float) -> dict[str, int]:
        known = {name: lane for name, lane in lanes.items() if name != "urgent"}
        return dict.fromkeys(lanes, 0) | allocate(self, budget, known, now)

    return chosen


@pytest.mark.parametrize("defect", ["window", "pacer", "lane", "stuck"])
def test_a_planted_defect_is_seen(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large a window, a flood of calls, a forgotten lane, no calls: each breaks a promise."""
    match defect:
        case "window":
            monkeypatch.setattr(PoolAdmission, "_set", lambda self, window: setattr(self, "window", 1e4))
        case "pacer":
            monkeypatch.setattr(Pacer, "step", flood)
        case "lane":
            monkeypatch.setattr(LaneScheduler, "allocate", forget(LaneScheduler.allocate))
        case "stuck":
            monkeypatch.setattr(Pacer, "step", lambda self, rate, elapsed: 0)
    assert any(broken(seed) for seed in range(40))

"""Lanes: every call goes somewhere, nobody starves, and the lane nearest to missing its target goes first."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.lanes import LanePolicy, LaneScheduler
from gateway.core.room import LaneView

LANES = {"urgent": LanePolicy(target_wait=60), "regular": LanePolicy(target_wait=600)}


def lane(waiting: int, waited: float | None = 0.0, returning: int = 0) -> LaneView:
    head = None if waited is None or not waiting else 1000.0 - waited
    return LaneView(issued=waiting, serving=0, returning=returning, head_joined_at=head)


views = st.builds(lane, st.integers(0, 30), st.none() | st.floats(0, 5000), st.integers(0, 5))


@given(st.integers(0, 80), st.fixed_dictionaries({"urgent": views, "regular": views}))
def test_calls_sum_to_the_budget_or_to_all_who_wait(budget: int, lanes: Mapping[str, LaneView]) -> None:
    """No call is lost and none is invented: the sum is min(budget, waiting), no lane beyond its waiters."""
    calls = LaneScheduler(LANES).allocate(budget, lanes, 1000.0)
    assert sum(calls.values()) == min(budget, sum(view.waiting for view in lanes.values()))
    assert all(0 <= calls[name] <= view.waiting for name, view in lanes.items())


@pytest.mark.parametrize(
    ("urgent_waited", "regular_waited", "first"),
    [(59.0, 300.0, "urgent"), (10.0, 590.0, "regular"), (1.0, 9.0, "urgent"), (0.0, 0.0, "urgent")],
)
def test_the_lane_nearest_to_missing_its_target_goes_first(
    urgent_waited: float, regular_waited: float, first: str
) -> None:
    """The head's wait counts as a share of its lane's target; with equal shares the shorter target wins."""
    scheduler = LaneScheduler({name: LanePolicy(target_wait=p.target_wait, floor=0) for name, p in LANES.items()})
    calls = scheduler.allocate(1, {"urgent": lane(5, urgent_waited), "regular": lane(5, regular_waited)}, 1000.0)
    assert calls[first] == 1


@pytest.mark.parametrize("floor", [0.05, 0.2, 0.4])
def test_the_floor_keeps_a_distant_lane_alive(floor: float) -> None:
    """Against an urgent lane that is always late, the regular lane still gets its floor of the calls."""
    policies = {"urgent": LanePolicy(target_wait=1, floor=0), "regular": LanePolicy(target_wait=1e6, floor=floor)}
    scheduler, got = LaneScheduler(policies), 0
    for _ in range(100):
        got += scheduler.allocate(10, {"urgent": lane(100, 900.0), "regular": lane(100, 1.0)}, 1000.0)["regular"]
    assert floor - 0.01 <= got / 1000 <= floor + 0.05


def test_returners_are_not_left_behind() -> None:
    """Who missed a turn and came back counts as having waited the whole target."""
    scheduler = LaneScheduler({name: LanePolicy(target_wait=p.target_wait, floor=0) for name, p in LANES.items()})
    lanes = {"urgent": lane(5, 30.0), "regular": LaneView(returning=2)}
    assert scheduler.allocate(2, lanes, 1000.0) == {"urgent": 0, "regular": 2}


def test_both_lanes_meet_their_targets_together() -> None:
    """With calls for both, the waits settle in proportion to the targets, not at the cost of one lane."""
    scheduler = LaneScheduler(LANES)
    joined: dict[str, list[float]] = {"urgent": [], "regular": []}
    waits: dict[str, list[float]] = {"urgent": [], "regular": []}
    for second in range(3000):
        now = float(second)
        joined["urgent"] += [now]
        joined["regular"] += [now, now]
        lanes = {
            name: LaneView(issued=len(q), serving=0, head_joined_at=q[0] if q else None) for name, q in joined.items()
        }
        # Only 2.8 calls a second for 3 joins: the queue grows, so the lanes compete.
        for name, count in scheduler.allocate(3 if second % 5 else 2, lanes, now).items():
            waits[name] += [now - at for at in joined[name][:count]]
            del joined[name][:count]
    late = {name: waits[name][-200:] for name in waits}
    ratio = (sum(late["regular"]) / 200) / (sum(late["urgent"]) / 200)
    assert ratio == pytest.approx(10.0, rel=0.25)


@pytest.mark.parametrize("values", [{"target_wait": 0.0}, {"floor": -0.1}, {"floor": 0.6}])
def test_impossible_policies_are_refused(values: dict[str, float]) -> None:
    """A lane without a target, or with a floor above half, is refused."""
    with pytest.raises(ValueError, match=next(iter(values))):
        LanePolicy(**values)

"""Lanes: every call goes somewhere, nobody starves, and whose time is up first is called first."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.lanes import MOST_STRETCH, LanePolicy, LaneScheduler
from gateway.core.room import LaneView

LANES = {"urgent": LanePolicy(target_wait=60), "regular": LanePolicy(target_wait=600)}
BARE = {name: LanePolicy(target_wait=policy.target_wait, floor=0) for name, policy in LANES.items()}


def lane(waiting: int, waited: float | None = 0.0, returning: int = 0, calls: int = 0) -> LaneView:
    head = None if waited is None or not waiting else 1000.0 - waited
    return LaneView(issued=waiting, serving=0, returning=returning, head_joined_at=head, calls=calls)


views = st.builds(lane, st.integers(0, 30), st.none() | st.floats(0, 5000), st.integers(0, 5))
rooms = st.fixed_dictionaries({"urgent": views, "regular": views})


@given(st.lists(st.tuples(st.integers(0, 80), rooms), min_size=1, max_size=4))
def test_calls_sum_to_the_budget_or_to_all_who_wait(steps: list[tuple[int, Mapping[str, LaneView]]]) -> None:
    """No call is lost and none is invented: the sum is min(budget, waiting), no lane beyond its waiters."""
    scheduler = LaneScheduler(LANES)
    for budget, lanes in steps:
        calls = scheduler.allocate(budget, lanes, 1000.0)
        assert sum(calls.values()) == min(budget, sum(view.waiting for view in lanes.values()))
        assert all(0 <= calls[name] <= view.waiting for name, view in lanes.items())
        assert 1 <= scheduler.stretch <= MOST_STRETCH


@given(st.integers(0, 40), rooms)
def test_many_calls_at_once_are_the_same_as_the_obvious_loop(budget: int, lanes: Mapping[str, LaneView]) -> None:
    """A batch goes to those with the least time left, as sorting all visits by it would have it."""
    scheduler = LaneScheduler(BARE)
    calls = scheduler.allocate(budget, lanes, 1000.0)
    visits = []
    for name, view in lanes.items():
        target, heads = BARE[name].target_wait, view.waiting - view.returning
        waited = 0.0 if view.head_joined_at is None else 1000.0 - view.head_joined_at
        waits = [max(waited, target)] * view.returning + [waited * (1 - k / heads) for k in range(heads)]
        visits += [(scheduler.stretch * target - wait, target, name) for wait in waits]
    first = [name for _, _, name in sorted(visits)[:budget]]
    assert calls == {name: first.count(name) for name in lanes}


@pytest.mark.parametrize(
    ("urgent_waited", "regular_waited", "first"),
    [(59.0, 300.0, "urgent"), (10.0, 590.0, "regular"), (0.0, 500.0, "urgent"), (0.0, 0.0, "urgent")],
)
def test_while_all_are_in_time_whose_time_is_up_first_goes_first(
    urgent_waited: float, regular_waited: float, first: str
) -> None:
    """The seconds left to the target decide, so a fresh urgent visit need not catch up with an older regular one."""
    scheduler = LaneScheduler(BARE)
    calls = scheduler.allocate(1, {"urgent": lane(5, urgent_waited), "regular": lane(5, regular_waited)}, 1000.0)
    assert (calls[first], scheduler.stretch) == (1, 1.0)


@pytest.mark.parametrize(
    ("urgent_waited", "regular_waited", "first"), [(90.0, 700.0, "urgent"), (90.0, 950.0, "regular")]
)
def test_when_some_are_late_who_is_late_by_the_largest_factor_goes_first(
    urgent_waited: float, regular_waited: float, first: str
) -> None:
    """Beyond the targets the wait counts as a multiple of the target."""
    scheduler = LaneScheduler(BARE)
    calls = scheduler.allocate(1, {"urgent": lane(5, urgent_waited), "regular": lane(5, regular_waited)}, 1000.0)
    assert calls[first] == 1
    assert scheduler.stretch == pytest.approx(max(urgent_waited / 60, regular_waited / 600))


def test_rates_fall_together_when_targets_cannot_be_kept() -> None:
    """Rates are 1 / target wait while all are in time, and all of them fall by the factor of the latest head."""
    scheduler = LaneScheduler(BARE)
    scheduler.allocate(1, {"urgent": lane(5, 30.0), "regular": lane(5, 30.0)}, 1000.0)
    assert scheduler.rates() == {"urgent": 1 / 60, "regular": 1 / 600}
    scheduler.allocate(1, {"urgent": lane(5, 240.0), "regular": lane(5, 30.0)}, 1000.0)
    assert scheduler.rates() == pytest.approx({"urgent": 1 / 240, "regular": 1 / 2400})


@pytest.mark.parametrize("floor", [0.05, 0.2, 0.4])
def test_the_floor_keeps_a_distant_lane_alive(floor: float) -> None:
    """Against an urgent lane that is always late, the regular lane still gets its floor of the calls."""
    policies = {"urgent": LanePolicy(target_wait=1, floor=0), "regular": LanePolicy(target_wait=1e6, floor=floor)}
    scheduler, got = LaneScheduler(policies), {"urgent": 0, "regular": 0}
    for _ in range(100):
        lanes = {"urgent": lane(100, 900.0, calls=got["urgent"]), "regular": lane(100, 1.0, calls=got["regular"])}
        for name, count in scheduler.allocate(10, lanes, 1000.0).items():
            got[name] += count
    assert floor - 0.01 <= got["regular"] / 1000 <= floor + 0.05


def test_who_does_not_lead_learns_the_same() -> None:
    """A gateway that only looks on, with a budget of its own, owes the floors the same: the counters tell."""
    policies = {"urgent": LanePolicy(target_wait=1, floor=0), "regular": LanePolicy(target_wait=1e6, floor=0.1)}
    leader, other, got = LaneScheduler(policies), LaneScheduler(policies), {"urgent": 0, "regular": 0}
    for turn in range(57):
        lanes = {name: lane(100, 900.0 if name == "urgent" else 1.0, calls=got[name]) for name in policies}
        wanted = leader.allocate(3, lanes, 1000.0)
        other.allocate(turn % 7, lanes, 1000.0)
        got = {name: got[name] + count for name, count in wanted.items()}
    lanes = {name: lane(100, 5.0, calls=got[name]) for name in policies}
    assert leader.allocate(5, lanes, 1000.0) == other.allocate(5, lanes, 1000.0)


def test_a_new_epoch_owes_nothing() -> None:
    """When the counters fall back, debts of the epoch before are forgotten."""
    scheduler = LaneScheduler(LANES)
    scheduler.allocate(0, {"urgent": lane(100, 1.0, calls=0), "regular": lane(100, 1.0, calls=0)}, 1000.0)
    scheduler.allocate(0, {"urgent": lane(100, 1.0, calls=90), "regular": lane(100, 1.0, calls=0)}, 1000.0)
    calls = scheduler.allocate(2, {"urgent": lane(100, 1.0), "regular": lane(100, 1.0)}, 1000.0)
    assert calls == {"urgent": 2, "regular": 0}


def test_returners_are_not_left_behind() -> None:
    """Who missed a turn and came back counts as having waited the whole target."""
    lanes = {"urgent": lane(5, 30.0), "regular": LaneView(returning=2)}
    assert LaneScheduler(BARE).allocate(2, lanes, 1000.0) == {"urgent": 0, "regular": 2}


def test_a_thousand_calls_over_five_lanes_take_little_time() -> None:
    """The best of some turns with a budget of 1,000 takes less than 2 ms: a tick has 100."""
    policies = {f"lane{i}": LanePolicy(target_wait=60.0 * i) for i in range(1, 6)}
    lanes = {name: lane(100_000, 10.0 + policy.target_wait) for name, policy in policies.items()}
    scheduler, took = LaneScheduler(policies), []
    for _ in range(20):
        started = time.perf_counter()
        calls = scheduler.allocate(1000, lanes, 1000.0)
        took.append(time.perf_counter() - started)
        assert sum(calls.values()) == 1000
    assert min(took) < 0.002


@pytest.mark.parametrize("values", [{"target_wait": 0.0}, {"floor": -0.1}, {"floor": 0.6}])
def test_impossible_policies_are_refused(values: dict[str, float]) -> None:
    """A lane without a target, or with a floor above half, is refused."""
    with pytest.raises(ValueError, match=next(iter(values))):
        LanePolicy(**values)

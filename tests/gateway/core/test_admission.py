"""Admission: the window of a pool and the rate of calls, alone and in a small closed world."""

from dataclasses import dataclass, replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.admission import AdmissionPolicy, PoolAdmission, PoolFacts, RateReason, VisitFacts

CALM = PoolFacts(inside=20, called=0, inflight=2, queued=0, limit=10, requests_per_s=5.0, healthy=True)
VISITS = VisitFacts(duration=5.0, claim_delay=1.0)
positive = st.floats(0, 1e4)
facts = st.builds(
    PoolFacts,
    inside=positive,
    called=positive,
    inflight=positive,
    queued=positive,
    limit=positive,
    requests_per_s=positive,
    healthy=st.booleans(),
    open_share=st.just(0.0) | st.floats(0.01, 1),
    ended_rate=st.floats(0, 1e4) | st.just(float("inf")),
    ceiling=st.just(inf) | positive,
)
visits = st.builds(VisitFacts, duration=st.floats(0.05, 600), claim_delay=st.floats(0, 3))


@given(st.lists(st.tuples(facts, visits, st.floats(0, 1), st.booleans()), max_size=30))
def test_the_rate_is_never_negative_and_the_window_keeps_its_bounds(
    steps: list[tuple[PoolFacts, VisitFacts, float, bool]],
) -> None:
    """Whatever is measured, 0 <= rate <= the plan with its slack, and the window stays between its bounds."""
    admission = PoolAdmission(AdmissionPolicy())
    for one, learned, elapsed, demand in steps:
        decided = admission.step(one, learned, elapsed, demand=demand)
        assert 0 <= decided.rate < float("inf")
        assert admission.policy.min_window <= admission.window <= admission.policy.max_window
        assert decided.rate <= one.ceiling
        if not one.healthy or one.open_share == 0:
            assert decided.rate == 0


@given(facts, visits, st.floats(0, 1), st.booleans(), st.floats(0.01, 1e3))
def test_with_too_many_open_the_window_never_grows(
    one: PoolFacts, learned: VisitFacts, elapsed: float, demand: bool, excess: float
) -> None:
    """When more requests are open than nodes and target wait allow, the window shrinks or stays."""
    admission = PoolAdmission(AdmissionPolicy(), window=50.0)
    queued = one.limit + admission.policy.target_wait * one.requests_per_s + excess
    decided = admission.step(replace(one, queued=queued, open_share=1.0), learned, elapsed, demand=demand)
    assert admission.window <= 50.0
    assert not one.healthy or decided.reason in (RateReason.PRESSURE, RateReason.FORECAST)


def test_the_window_grows_only_for_somebody() -> None:
    """Without anybody waiting there is nothing to learn, and the reason is idleness."""
    admission = PoolAdmission(AdmissionPolicy())
    assert admission.step(CALM, VISITS, 1.0, demand=False).reason is RateReason.IDLE
    assert admission.window == 20.0
    assert admission.step(CALM, VISITS, 1.0, demand=True).reason is RateReason.CAPACITY
    assert admission.window > 20.0


def test_a_queue_of_the_past_does_not_shrink_the_window_further() -> None:
    """While the visits too many are those beyond the window, the window stays; when it is at fault, it shrinks."""
    admission = PoolAdmission(AdmissionPolicy(), window=50.0)
    admission.step(replace(CALM, inside=200, inflight=10, queued=90), VISITS, 1.0, demand=True)
    assert admission.window == 50.0
    at_fault = PoolAdmission(AdmissionPolicy(), window=50.0)
    at_fault.step(replace(CALM, inside=50, inflight=10, queued=20, requests_per_s=50.0), VISITS, 1.0, demand=True)
    assert 30.0 < at_fault.window < 50.0


def test_the_plan_caps_and_says_so() -> None:
    """Measurement may only lower what the plan allows; when the plan decides, the reason is the forecast."""
    admission = PoolAdmission(AdmissionPolicy(), window=100.0)
    capped = admission.step(replace(CALM, inside=10, ceiling=2.0), VISITS, 0.1, demand=True)
    assert (capped.rate, capped.reason) == (2.0, RateReason.FORECAST)
    free = admission.step(replace(CALM, inside=10, ceiling=1e6), VISITS, 0.1, demand=True)
    assert free.reason is RateReason.CAPACITY
    assert free.rate < 1e6


def test_littles_law_gives_the_steady_rate() -> None:
    """With the window just full, calls come at window / duration, and fall to none at twice the window."""
    admission = PoolAdmission(AdmissionPolicy(), window=50.0)
    busy = replace(CALM, inside=50, inflight=5)
    assert admission.step(busy, VisitFacts(duration=5.0, claim_delay=0.0), 0.0, demand=False).rate == pytest.approx(10)
    assert admission.step(replace(busy, inside=100), VISITS, 0.0, demand=False).rate == 0


def test_a_warming_pool_takes_its_share_of_the_window() -> None:
    """At a tenth of its share a backup is steered to a tenth of its window."""
    admission = PoolAdmission(AdmissionPolicy(), window=50.0)
    decided = admission.step(
        replace(CALM, inside=5, open_share=0.1), VisitFacts(duration=5, claim_delay=0), 0.0, demand=False
    )
    assert decided.rate == pytest.approx(1.0)


SERVICE = 0.1


@dataclass
class ClosedPool:
    """A fluid model of one pool: visits think, ask, wait and end after `requests` answers; 0.1 s a step."""

    capacity: float
    think: float
    requests: int
    thinking: float = 0.0
    open: float = 0.0
    called: float = 0.0
    done: float = 0.0

    def step(self, rate: float) -> None:
        claimed, asked = self.called * 0.1, self.thinking / self.think * 0.1
        self.done = min(self.open / SERVICE, self.capacity) * 0.1
        ended = self.done / self.requests
        self.called += rate * 0.1 - claimed
        self.thinking += self.done - ended - asked
        self.open += claimed + asked - self.done

    def facts(self) -> PoolFacts:
        limit = 1.5 * self.capacity * SERVICE
        return PoolFacts(
            inside=self.thinking + self.open,
            called=self.called,
            inflight=min(limit, self.open),
            queued=max(0.0, self.open - limit),
            limit=limit,
            requests_per_s=self.done * 10,
            healthy=True,
            ended_rate=self.done * 10 / self.requests,
        )

    @property
    def visits(self) -> VisitFacts:
        wait = max(SERVICE, self.open / self.capacity)
        return VisitFacts(duration=self.requests * (self.think + wait), claim_delay=1.0)


@pytest.mark.parametrize("capacity", [10.0, 50.0, 400.0])
@pytest.mark.parametrize("think", [0.7, 4.0])
def test_a_pool_with_an_endless_queue_is_kept_busy_and_unhurried(capacity: float, think: float) -> None:
    """Five minutes after a cold start the capacity is found: over 0.9 of it used, no request waits 0.5 s."""
    admission, pool = PoolAdmission(AdmissionPolicy()), ClosedPool(capacity=capacity, think=think, requests=5)
    used, waits = 0.0, []
    for tick in range(4000):
        pool.step(admission.step(pool.facts(), pool.visits, 0.1, demand=True).rate)
        if tick >= 3000:
            used += pool.done / (capacity * 0.1 * 1000)
            waits.append(pool.open / capacity)
    assert used >= 0.9
    assert max(waits) <= 0.5


@pytest.mark.parametrize(
    "values",
    [
        {"target_wait": 0.0},
        {"busy": 0.0},
        {"busy": 1.1},
        {"min_window": 0.0},
        {"initial_window": 0.5},
        {"max_window": 3.0},
        {"plan_slack": 0.9},
    ],
)
def test_impossible_policies_are_refused(values: dict[str, float]) -> None:
    """Targets that contradict each other are refused by name."""
    with pytest.raises(ValueError, match=next(iter(values))):
        AdmissionPolicy(**values)

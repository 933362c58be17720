"""Mornings that must go well: a peak of several times the capacity, and what may go wrong on such a day."""

import dataclasses
from dataclasses import dataclass, replace

import pytest

from tests.sim.scenario import Change, Outcome, Scenario
from tests.sim.world import play


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is promised: least share of capacity booked in the rush, least coverage, latest answers, failures."""

    booked: float = 0.85
    coverage: float = 0.75
    late: float = 2.0
    failed: int = 0


PEAK = Scenario(
    name="right forecast",
    curve=((0, 2), (20, 4), (40, 45), (75, 45), (90, 4), (130, 2)),
    rush=(40, 95),
    seconds=150,
)
OUTAGE = (Change(at=60, pool="primary", workers=0), Change(at=75, pool="primary", workers=4))
MORNINGS = [
    (PEAK, Bounds(booked=0.9)),
    (replace(PEAK, name="right forecast, another day", seed=2), Bounds(booked=0.9)),
    (replace(PEAK, name="no forecast", forecast_error=None), Bounds()),
    (replace(PEAK, name="forecast a third of the truth", forecast_error=0.33), Bounds()),
    (replace(PEAK, name="forecast three times the truth", forecast_error=3.0), Bounds()),
    (replace(PEAK, name="no backup", backup=False, urgent=0.1), Bounds(coverage=0.6)),
    (replace(PEAK, name="three of ten never claim", no_shows=0.3), Bounds()),
    (replace(PEAK, name="three of ten leave", leavers=0.3), Bounds()),
    (
        replace(PEAK, name="half of the primary is lost", changes=(Change(at=55, pool="primary", workers=2),)),
        Bounds(coverage=0.6),
    ),
    (
        replace(PEAK, name="the primary dies and comes back", changes=OUTAGE),
        Bounds(booked=0.6, coverage=0.4, late=5, failed=400),
    ),
    (replace(PEAK, name="two gateways", gateways=2), Bounds()),
    (replace(PEAK, name="two gateways, visits roam", gateways=2, sticky=False), Bounds(late=3.0)),
    (replace(PEAK, name="the leading gateway dies", gateways=2, gateway_dies=60), Bounds()),
    (replace(PEAK, name="the store is gone for ten seconds", store_gone=(60, 70)), Bounds(booked=0.7, coverage=0.5)),
    (replace(PEAK, name="the store's clock steps back a minute", clock_jump=(60, -60)), Bounds(coverage=0.4)),
    (replace(PEAK, name="long thoughts", think=(1.0, 5.0)), Bounds(booked=0.8)),
]


def figures(scenario: Scenario, outcome: Outcome) -> str:
    """Return what a failure shows: the scenario with its seed, and every figure but the long lists."""
    short = {
        field.name: getattr(outcome, field.name)
        for field in dataclasses.fields(outcome)
        if field.name not in ("booked", "waits", "answers")
    }
    share = outcome.booked_between(*scenario.rush) / scenario.rush_capacity()
    return f"{scenario.name!r}, seed {scenario.seed}: booked share {share:.3f}, p99 {outcome.late(0.99):.2f} s, " + (
        f"coverage {outcome.coverage:.2f}, median waits {outcome.median_wait('urgent'):.0f} s urgent and "
        f"{outcome.median_wait('regular'):.0f} s regular, {short}"
    )


@pytest.mark.parametrize(("scenario", "bounds"), MORNINGS, ids=[scenario.name for scenario, _ in MORNINGS])
def test_a_morning_goes_well(scenario: Scenario, bounds: Bounds) -> None:
    """The capacity is booked, who is in stays in and is served in time, order holds, waits are honest."""
    outcome = play(scenario)
    said = figures(scenario, outcome)
    assert outcome.sent_back == 0, said
    assert outcome.inversions == 0, said
    assert outcome.double_admissions == 0, said
    assert outcome.lost_places == 0, said
    assert outcome.booked_between(*scenario.rush) >= bounds.booked * scenario.rush_capacity(), said
    assert outcome.failed <= bounds.failed, said
    assert outcome.late(0.99) <= bounds.late, said
    assert outcome.coverage >= bounds.coverage, said
    # Nobody vanishes: all who joined were let in, gave up, or still wait when the curtain falls.
    gave_up = outcome.joined - outcome.admitted - outcome.left_waiting
    assert gave_up == 0 if not scenario.no_shows + scenario.leavers else gave_up > 0, said

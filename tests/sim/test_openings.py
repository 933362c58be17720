"""An opening with thousands in the pre-queue and three gateways: nobody early, the published order, no advantage."""

import json
from dataclasses import replace

import pytest

from gateway.verify_order import verify
from tests.sim.scenario import Outcome, Scenario
from tests.sim.world import play

BEGINS, OPENS = 10.0, 70.0
RELEASE = Scenario(
    name="release at a known time",
    curve=((0, 4), (10, 30), (69, 45), (70, 12), (110, 12), (112, 0)),
    rush=(75, 115),
    seconds=260,
    workers=4,
    requests=2,
    gateways=3,
    opening=(BEGINS, OPENS),
)


def positions(outcome: Outcome) -> dict[tuple[str, int], int]:
    """The position of every visit that was called, recomputed from the published document as anyone can."""
    document = json.dumps(outcome.served).encode()
    return {(lane, number): verify(document, lane, number).position for lane, number in outcome.called}


def cohort_of(outcome: Outcome) -> dict[str, tuple[int, int]]:
    opening = outcome.served["opening"]
    assert isinstance(opening, dict)
    return {lane: (first, last) for lane, (first, last) in opening["cohort"].items()}


def rank_correlation(ranks: list[int]) -> float:
    """Spearman's coefficient between the order of the list and the ranks in it."""
    order = {rank: place for place, rank in enumerate(sorted(ranks))}
    count = len(ranks)
    squares = sum((place - order[rank]) ** 2 for place, rank in enumerate(ranks))
    return float(1 - 6 * squares / (count * (count**2 - 1)))


@pytest.mark.parametrize("dies", [None, OPENS, OPENS + 15], ids=["all live", "leader dies at the opening", "and later"])
def test_an_opening_is_fair_and_in_the_published_order(dies: float | None) -> None:
    """Nobody of the cohort is let in early, calls follow the published shuffle, late arrivals stand behind it."""
    outcome = play(replace(RELEASE, gateway_dies=dies, seed=3 if dies is None else 4))
    cohort, place = cohort_of(outcome), positions(outcome)
    assert sum(last - first for first, last in cohort.values()) > 1500
    for lane, (first, last) in cohort.items():
        called = [number for name, number in outcome.called if name == lane]
        assert [place[lane, number] for number in called] == sorted(place[lane, number] for number in called)
        members = [number for number in called if first < number <= last]
        behind = [number for number in called if number > last]
        assert len(members) == last - first, "everybody of the cohort was called"
        assert called[-len(behind) :] == behind or not behind
        early = [number for number in members if outcome.entries[lane, number][1] < OPENS]
        assert early == []
        size = last - first
        ranks = [place[lane, number] for number in range(first + 1, last + 1)]
        assert abs(rank_correlation(ranks)) < 4 / size**0.5, "who came early has no advantage"
    assert (outcome.inversions, outcome.double_admissions, outcome.lost_places, outcome.sent_back) == (0, 0, 0, 0)
    assert outcome.most_leaders == 1
    begin, end = RELEASE.rush
    assert outcome.booked_between(begin, end) >= 0.95 * RELEASE.rush_capacity(), "the pools are not left idle"


def test_who_came_before_the_pre_queue_is_served_during_it() -> None:
    """With a pool too small for the arrivals before it, the pre-queue does not stop those who wait already."""
    busy = replace(
        RELEASE, curve=((0, 60), (10, 60), (11, 3), (70, 3), (71, 0)), backup=False, seconds=120, rush=(0, 9)
    )
    outcome = play(busy)
    first, last = cohort_of(outcome)["regular"]
    entered = {number: at for (lane, number), (_, at) in outcome.entries.items() if lane == "regular"}
    assert [number for number, at in entered.items() if number <= first and BEGINS + 5 < at < OPENS]
    assert [number for number, at in entered.items() if first < number <= last and at < OPENS] == []

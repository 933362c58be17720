"""Backup pools open in time and for a reason, warm up, and close without flapping."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.spillover import OpenReason, Spillover, SpilloverFacts, SpilloverPolicy

CALM = SpilloverFacts(forecast_short=False, primary_full=False, missing=0.0, waiting=0)
SHORT = SpilloverFacts(forecast_short=True, primary_full=False, missing=0.0, waiting=0)
FULL = SpilloverFacts(forecast_short=False, primary_full=True, missing=0.0, waiting=3)
DOWN = SpilloverFacts(forecast_short=False, primary_full=False, missing=1.0, waiting=0)
POLICY = SpilloverPolicy(warmup=10.0, trickle=0.1, patience=3.0, hold=20.0)


def play(backup: Spillover, facts: SpilloverFacts, begin: float, seconds: float) -> float:
    for tick in range(round(seconds * 10)):
        backup.step(facts, begin + tick / 10)
    return begin + seconds


def test_the_forecast_opens_ahead_of_time_and_warms() -> None:
    """From the trickle the share grows in proportion to time and is whole after the warm-up."""
    backup = Spillover(POLICY)
    assert backup.step(CALM, 0.0) == 0.0
    shares = [backup.step(SHORT, float(second)) for second in range(1, 13)]
    assert shares[:6] == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert shares[-2:] == [1.0, 1.0]
    assert backup.reason is OpenReason.FORECAST


def test_pressure_opens_after_patience() -> None:
    """A primary that is full with people waiting opens the backup after three seconds, not at the first."""
    backup = Spillover(POLICY)
    now = play(backup, FULL, 0.0, 2.8)
    assert backup.opened_at is None
    play(backup, FULL, now, 0.5)
    assert backup.reason is OpenReason.PRESSURE


def test_full_without_anybody_waiting_is_no_pressure() -> None:
    """A primary that is just busy needs no help."""
    backup = Spillover(POLICY)
    play(backup, SpilloverFacts(forecast_short=False, primary_full=True, missing=0.0, waiting=0), 0.0, 30.0)
    assert backup.opened_at is None


def test_a_flutter_below_full_does_not_start_the_count_anew() -> None:
    """Readings that dip below full now and then still add up to pressure."""
    backup = Spillover(POLICY)
    for tick in range(100):
        backup.step(CALM if tick % 5 == 4 else FULL, tick / 10)
    assert backup.reason is OpenReason.PRESSURE


def test_a_failure_opens_fully_at_once() -> None:
    """Cold or not, and also when it was warming for another reason."""
    assert Spillover(POLICY).step(DOWN, 0.0) == 1.0
    warming = Spillover(POLICY)
    warming.step(SHORT, 0.0)
    assert warming.step(DOWN, 1.0) == 1.0
    assert warming.reason is OpenReason.FAILURE


def test_a_missing_part_of_the_primary_is_made_up_for_at_once() -> None:
    """With a quarter of the primary gone the backup opens to a quarter, without patience, and warms from there."""
    backup = Spillover(POLICY)
    half = SpilloverFacts(forecast_short=False, primary_full=False, missing=0.25, waiting=0)
    assert backup.step(half, 0.0) == 0.25
    assert backup.reason is OpenReason.FAILURE
    assert backup.step(half, 5.0) == 0.5
    assert backup.step(CALM, 6.0) == 0.6


def test_the_trickle_grows_with_the_share() -> None:
    """From a fifth of `trickle` of the visits to the whole of it over the warm-up; none while closed."""
    backup = Spillover(POLICY)
    assert backup.trickle(0.0) == 0.0
    backup.step(SHORT, 0.0)
    assert [backup.trickle(at) for at in (0.0, 5.0, 20.0)] == pytest.approx([0.02, 0.05, 0.1])


@given(st.lists(st.floats(0, 2), min_size=5, max_size=200))
def test_demand_around_the_threshold_does_not_make_it_flap(loads: list[float]) -> None:
    """However the need comes and goes, an opening and the next are at least `hold` apart."""
    backup, opened, now = Spillover(POLICY), [], 0.0
    for load in loads:
        now += 1.0
        before = backup.opened_at
        full = SpilloverFacts(forecast_short=load > 1.5, primary_full=load > 1, missing=0.0, waiting=int(load > 1))
        backup.step(full, now)
        if backup.opened_at is not None and before is None:
            opened.append(now)
    assert all(later - earlier >= POLICY.hold for earlier, later in pairwise(opened))


def test_it_closes_after_hold_and_not_before() -> None:
    """A pause in the need shorter than `hold` keeps the backup open and warm; a longer one closes it."""
    backup = Spillover(POLICY)
    now = play(backup, SHORT, 0.0, 15.0)
    now = play(backup, CALM, now, 19.0)
    assert backup.share(now) == 1.0
    now = play(backup, SHORT, now, 1.0)
    now = play(backup, CALM, now, 19.0)
    assert backup.share(now) == 1.0
    now = play(backup, CALM, now, 2.0)
    assert (backup.share(now), backup.opened_at, backup.reason) == (0.0, None, OpenReason.NONE)


facts = st.builds(
    SpilloverFacts,
    forecast_short=st.booleans(),
    primary_full=st.booleans(),
    missing=st.sampled_from([0.0, 0.0, 0.25, 1.0]),
    waiting=st.integers(0, 5),
)


@given(st.lists(st.tuples(facts, st.floats(0.05, 30)), max_size=60), st.floats(0, 30), st.floats(0, 60))
def test_a_share_is_a_share_and_closed_means_none(
    steps: list[tuple[SpilloverFacts, float]], warmup: float, hold: float
) -> None:
    """Closed is 0, open is from the trickle to 1 and at least what is missing; an open one stays for its hold."""
    backup, now, needed = Spillover(SpilloverPolicy(warmup=warmup, hold=hold)), 0.0, -1e9
    for one, elapsed in steps:
        now += elapsed
        was_open = backup.opened_at is not None
        share = backup.step(one, now)
        assert share == 0.0 if backup.opened_at is None else 0.1 <= share <= 1.0
        assert share >= one.missing
        if was_open and now - needed < hold:
            assert backup.opened_at is not None
        if one.missing or one.forecast_short:
            needed = now


@pytest.mark.parametrize("values", [{"warmup": -1.0}, {"patience": -1.0}, {"hold": -1.0}, {"trickle": 0.0}])
def test_impossible_policies_are_refused(values: dict[str, float]) -> None:
    """Times below zero and a trickle of nothing are refused."""
    with pytest.raises(ValueError, match=next(iter(values))):
        SpilloverPolicy(**values)

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.contract import ForecastRecord, planned
from gateway.core.live_forecast import LiveForecast

HOURS = 12
CAPACITY = {"primary": 3.0, "backup": 3.0}


def record(rate: float = 2.0, *, step: float = 300.0, at: float = 0.0) -> ForecastRecord:
    """Return twelve hours at `rate` visits a second, with a band of a quarter."""
    steps = tuple(
        planned(at + n * step, [rate * 0.75, rate, rate * 1.25, rate * 1.4], CAPACITY, headroom=0.1)
        for n in range(round(HOURS * 3600 / step))
    )
    return ForecastRecord(
        room="booking", version="v", model="m", made_at=at, expires_at=at + 1e6, step_seconds=step,
        capacity=CAPACITY, steps=steps,
    )  # fmt: skip


def watch(live: LiveForecast, begin: float, end: float, rate: float, joined: float = 0.0, epoch: str = "a") -> float:
    """Look every two seconds while `rate` people a second join; return how many have."""
    now = begin
    while now < end:
        live.observe(epoch, int(joined), now)
        now += 2.0
        joined += rate * 2.0
    return joined


def test_a_morning_that_runs_high_lifts_the_next_hours_and_not_the_evening() -> None:
    """Half again as many for two hours: the next step is lifted by nearly half, that of ten hours later not at all."""
    live = LiveForecast()
    live.take(record())
    watch(live, 0.0, 7205.0, 3.0)
    corrected = live.corrected
    assert corrected is not None
    assert live.drift == pytest.approx(1.5, abs=0.02)
    now, later, evening = (corrected.step_at(7205.0 + lead) for lead in (30.0, 3600.0, 36000.0 - 60))
    assert now is not None
    assert later is not None
    assert evening is not None
    assert now.q50 == pytest.approx(3.0, rel=0.02)
    assert later.q50 == pytest.approx(2.0 * (1 + 0.5 * 0.37), rel=0.03)
    assert evening.q50 == 2.0
    assert record().step_at(100.0) == corrected.step_at(100.0), "what is past stays as it was"


def test_the_backup_is_planned_in_when_more_come_than_was_forecast() -> None:
    """Shares follow the corrected quantiles: the primary that was enough is short by the live counts."""
    live = LiveForecast()
    live.take(record())
    assert record().steps[25].pool_share["backup"] == 0.0
    watch(live, 0.0, 7205.0, 3.0)
    assert live.corrected is not None
    assert live.corrected.steps[25].pool_share["backup"] > 0.2


def test_a_new_version_is_not_corrected_twice() -> None:
    """What a fit has learned of the last hours is in its forecast; the same version published again keeps the drift."""
    live = LiveForecast()
    live.take(record())
    watch(live, 0.0, 7205.0, 3.0)
    live.take(record())
    assert live.drift == pytest.approx(1.5, abs=0.02)
    live.take(replace(record(3.0), version="w"))
    assert live.drift == 1.0


def test_a_handful_of_people_corrects_little() -> None:
    """Two where one was expected is chance."""
    live = LiveForecast()
    live.take(record(1 / 3600))
    watch(live, 0.0, 3700.0, 2 / 3600)
    assert live.drift < 1.1


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 5000), st.sampled_from("abc")), max_size=60))
def test_whatever_is_seen_the_correction_stays_within_bounds(looks: list[tuple[int, float, str]]) -> None:
    """Counts that fall, clocks that jump, new epochs: the factor is never under a half nor over two."""
    live = LiveForecast()
    live.take(record())
    now = 0.0
    for joined, jump, epoch in looks:
        now += jump - 1000.0
        live.observe(epoch, joined, now)
        assert 0.5 <= live.drift <= 2.0
        assert live.corrected is not None
        for outcome in live.outcomes():
            assert outcome.arrivals >= 0


def test_each_step_that_was_watched_whole_is_an_outcome() -> None:
    """Steps of five minutes: the first whole one on; a new epoch in the middle of one costs that one."""
    live = LiveForecast()
    live.take(record())
    joined = watch(live, 100.0, 1300.0, 2.0)
    found = live.outcomes()
    assert [outcome.step.at for outcome in found] == [300.0, 600.0, 900.0]
    assert all(outcome.arrivals == pytest.approx(2.0, rel=0.02) for outcome in found)
    assert live.outcomes() == []
    watch(live, 1300.0, 2200.0, 2.0, joined=0.0 * joined, epoch="b")
    assert [outcome.step.at for outcome in live.outcomes()] == [1500.0, 1800.0]


def test_a_rehearsal_in_seconds_is_followed_as_it_is() -> None:
    """Steps under a minute are compressed hours; nothing is corrected by the clock of the wall."""
    live = LiveForecast()
    live.take(record(step=15.0))
    watch(live, 0.0, 200.0, 10.0)
    assert live.corrected is live.record
    assert {outcome.factor for outcome in live.outcomes()} == {1.0}


def test_a_record_that_says_nothing_is_handed_on() -> None:
    """Without a record there is none; one without a forecast stays as it is."""
    live = LiveForecast()
    watch(live, 0.0, 130.0, 1.0)
    assert live.corrected is None
    empty = ForecastRecord(
        room="booking", version="v", model="m", made_at=0, expires_at=1e6, step_seconds=1.0, capacity={}, steps=(),
        state="no_forecast", reason="why",
    )  # fmt: skip
    live.take(empty)
    watch(live, 130.0, 400.0, 1.0)
    assert live.corrected is empty

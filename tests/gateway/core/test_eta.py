"""Honest waits: ordered, rounded outward, right eight times of ten, and unknown when they are."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.eta import CallRate, Wait, poll_after, rounded


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_ranges_are_rounded_outward_by_a_few_percent(one: float, other: float) -> None:
    """Whole seconds, never narrower than computed, and wider by a twelfth at most."""
    low, high = sorted((one, other))
    wait = rounded(low, high)
    assert wait.low <= low
    assert wait.high >= high
    assert wait.high - high <= max(1.0, high / 12)
    assert low - wait.low <= max(1.0, low / 12)
    assert wait.low == int(wait.low)


@given(
    st.none() | st.builds(Wait, low=st.floats(0, 1e5), high=st.floats(0, 1e5)),
    st.floats(0, 1, exclude_max=True),
    st.floats(1, 60),
)
def test_the_poll_time_is_bounded(wait: Wait | None, jitter: float, longest: float) -> None:
    """Whatever the wait, a client asks again after 1 s to the longest poll, in whole seconds."""
    after = poll_after(wait, jitter, longest=longest)
    assert isinstance(after, int)
    assert 1 <= after <= longest + 1


def test_nobody_sleeps_through_a_turn() -> None:
    """The poll comes at half of the least remaining wait, so the last ones are close to the turn."""
    assert poll_after(Wait(low=10, high=20), 0.5) == 5
    assert poll_after(Wait(low=10, high=20), 0.99) == 6
    assert poll_after(Wait(low=0, high=5), 0.5) == 1
    assert poll_after(Wait(low=600, high=900), 0.5) == 40


def test_jitter_spreads_the_herd() -> None:
    """Clients with the same wait do not come back in the same second."""
    assert len({poll_after(Wait(low=90, high=180), j / 20, longest=120) for j in range(20)}) >= 8


def test_a_herd_that_asks_at_once_is_spread_by_its_first_answer() -> None:
    """50,000 who all ask in one second: no second after that has more than 1.6 times the mean, soon 1.1 times."""
    chance, polls = Random(5), [0] * 400
    for _ in range(50_000):
        at = poll_after(Wait(low=900, high=1200), chance.random())
        while at < 400:
            polls[at] += 1
            at += poll_after(Wait(low=900, high=1200), chance.random())
    spell = polls[160:400]
    mean = sum(spell) / len(spell)
    assert max(polls) <= 1.6 * mean
    assert max(spell) <= 1.1 * mean


def test_a_long_wait_costs_a_third_of_fixed_polling() -> None:
    """Twenty minutes: at most a third of the polls that one every ten seconds would be."""
    chance, counts = Random(7), []
    for _ in range(200):
        at, count = 0.0, 0
        while at < 1200:
            left = 1200 - at
            at += poll_after(Wait(low=0.8 * left, high=1.2 * left), chance.random())
            count += 1
        counts.append(count)
    assert sum(counts) / len(counts) <= 1200 / 10 / 3


def test_the_rate_of_a_counter_is_learned() -> None:
    """Three calls a second, read unevenly, are a rate of three; before the second reading there is none."""
    rate, now, count = CallRate(memory=5), 0.0, 0
    assert rate.observe(0, 0.0) is None
    for turn in range(60):
        step = 1 + turn % 3
        now, count = now + step, count + 3 * step
        rate.observe(count, now)
    assert rate.rate == pytest.approx(3.0)


def test_a_counter_that_falls_starts_anew() -> None:
    """After the loss of the counters the rate stays as it was and goes on from the new ones."""
    rate = CallRate()
    for now, count in ((0.0, 0), (1.0, 4), (2.0, 0), (3.0, 4)):
        rate.observe(count, now)
    assert rate.rate == pytest.approx(4.0)


def test_a_clock_that_steps_back_starts_anew() -> None:
    """After a step of the store's clock the rate goes on from the new time, not when the old one comes again."""
    rate = CallRate(memory=1)
    for now, count in ((100.0, 0), (101.0, 4), (41.0, 8), (42.0, 17), (43.0, 26)):
        rate.observe(count, now)
    assert rate.rate == pytest.approx(9.0)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 1e6)), max_size=30))
def test_a_rate_is_never_negative(readings: list[tuple[int, float]]) -> None:
    """Whatever is read in whatever order, the rate is unknown or at least nothing."""
    rate = CallRate()
    for count, now in readings:
        measured = rate.observe(count, now)
        assert measured is None or measured >= 0

"""Honest waits: ordered, rounded outward, right eight times of ten, and unknown when they are."""

from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.eta import MIN_RATE, RATE_ERROR, CallRate, Wait, estimate, poll_after

aheads, rates = st.integers(0, 100_000), st.floats(MIN_RATE, 1000)


@given(aheads, rates)
def test_the_range_holds_the_mean_and_is_rounded_outward(ahead: int, rate: float) -> None:
    """0 <= low <= mean <= high, in whole steps, and never narrower than the spread that was computed."""
    wait = estimate(ahead, rate)
    assert wait is not None
    mean = (ahead + 1) / rate
    assert 0 <= wait.low <= mean <= wait.high
    assert wait.low % 5 == wait.high % 5 == 0
    half = 1.2816 * (((ahead + 1) / rate**2) + (RATE_ERROR * mean) ** 2) ** 0.5
    assert wait.low <= max(0.0, mean - half) + 1e-6
    assert wait.high >= mean + half - 1e-6


@given(aheads, rates)
def test_a_place_further_back_waits_no_less(ahead: int, rate: float) -> None:
    """One more visit ahead never shortens the range."""
    near, far = estimate(ahead, rate), estimate(ahead + 1, rate)
    assert near is not None
    assert far is not None
    assert near.high <= far.high


@pytest.mark.parametrize("rate", [0.0, MIN_RATE / 2])
def test_without_calls_the_wait_is_unknown(rate: float) -> None:
    """Nobody is told a wait that nothing supports."""
    assert estimate(3, rate) is None


@pytest.mark.parametrize(("ahead", "rate"), [(0, 0.5), (5, 0.2), (40, 1.0), (300, 2.0), (3000, 5.0)])
def test_eight_of_ten_waits_fall_into_the_range(ahead: int, rate: float) -> None:
    """Over Poisson calls whose rate is misjudged by a fifth, 78 to 98 of a hundred waits are inside."""
    chance, inside, runs = Random(11), 0, 400
    for _ in range(runs):
        true = rate * max(0.05, chance.gauss(1.0, RATE_ERROR))
        realised = _gaps(chance, ahead + 1) / true
        wait = estimate(ahead, rate)
        assert wait is not None
        inside += wait.low <= realised <= wait.high
    assert 0.78 <= inside / runs <= 0.98


def _gaps(chance: Random, count: int) -> float:
    if count > 100:
        return max(0.0, chance.gauss(count, count**0.5))
    return sum(-log(1 - chance.random()) for _ in range(count))


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
    """The poll comes at half of the least remaining wait, so the last ones come close to the turn."""
    assert poll_after(Wait(low=10, high=20), 0.5) == 5
    assert poll_after(Wait(low=0, high=5), 0.5) == 1
    assert poll_after(Wait(low=600, high=900), 0.5) == 30


def test_jitter_spreads_the_herd() -> None:
    """Clients with the same wait do not come back in the same second."""
    assert len({poll_after(Wait(low=90, high=180), j / 20, longest=120) for j in range(20)}) >= 8


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

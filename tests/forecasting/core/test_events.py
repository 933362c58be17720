"""Declared events: what they do is learned from what they did, and put where they will be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.events import LEAST, MOST, Effects, Events, Occurrence, learn
from forecasting.core.series import Series

HOUR, QUARTER = 3600.0, 900.0


def release(day: int, *, hours: float = 2.0) -> Occurrence:
    """Return a release at 07:30 of a day."""
    begin = day * 86400.0 + 7.5 * HOUR
    return Occurrence(name="release", begin=begin, end=begin + hours * HOUR)


def history(step: float, days: int = 14, *, of: tuple[int, ...] = (0, 7)) -> tuple[Series, np.ndarray]:
    """Return 400 arrivals an hour, six times as many in the first quarter after a release, twice in the next seven."""
    fine = np.full(days * 96, 100.0)
    for day in of:
        first = day * 96 + 30
        fine[first] *= 6
        fine[first + 1 : first + 8] *= 2
    expected = np.full(round(days * 86400 / step), 400.0 * step / HOUR)
    return Series(start=0.0, step=QUARTER, values=fine).summed(step), expected


@pytest.mark.parametrize("step", [QUARTER, HOUR])
def test_the_shape_of_an_event_is_learned_and_put_where_it_will_be(step: float) -> None:
    """Two Mondays with a release give the third; its bins are multiplied by what the others were, no other bin is."""
    series, expected = history(step)
    events = Events(occurrences=[release(0), release(7), release(14)])
    effects = learn(events, series, expected)
    times = 14 * 86400.0 + step * np.arange(round(86400 / step))
    factors = effects.multipliers(times, step)
    seen = series.values[: len(times)] / expected[: len(times)]
    assert factors == pytest.approx(seen, rel=0.25)
    outside = (times + step <= release(14).begin) | (times >= release(14).end)
    assert np.all(factors[outside] == 1.0)
    assert factors.max() == pytest.approx(seen.max(), rel=0.2)


def test_an_event_that_was_never_seen_has_the_factor_that_was_given_or_none() -> None:
    """The operator's guess holds until there is something to learn from."""
    series, expected = history(QUARTER)
    campaign = Occurrence(name="campaign", begin=20 * 86400.0, end=20 * 86400.0 + HOUR)
    times = campaign.begin + QUARTER * np.arange(4)
    given_ = learn(Events(occurrences=[campaign], factors={"campaign": 3.0}), series, expected)
    assert given_.multipliers(times, QUARTER).tolist() == [3.0] * 4
    none = learn(Events(occurrences=[campaign]), series, expected)
    assert none.multipliers(times, QUARTER).tolist() == [1.0] * 4


def test_a_few_arrivals_teach_little() -> None:
    """Six where one was expected is chance."""
    series = Series(start=0.0, step=QUARTER, values=np.array([1.0, 6.0, 1.0, 1.0]))
    event = Occurrence(name="e", begin=QUARTER, end=2 * QUARTER)
    effects = learn(Events(occurrences=[event]), series, np.ones(4))
    assert effects.profiles["e"][0] < 1.4


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 9e5), st.floats(1, 9e4)), max_size=12),
    st.sampled_from([300.0, 900.0, 3600.0, 86400.0]),
    st.lists(st.floats(0, 1e5) | st.just(float("nan")), min_size=10, max_size=40),
)
def test_effects_are_bounded_whatever_was_declared_and_seen(
    declared: list[tuple[str, float, float]], step: float, values: list[float]
) -> None:
    """Overlapping, outside the history, in gaps: every factor lies within the limits."""
    events = Events(occurrences=[Occurrence(name=n, begin=b, end=b + lasts) for n, b, lasts in declared])
    series = Series(start=0.0, step=step, values=np.array(values))
    effects = learn(events, series, np.full(len(values), 50.0))
    factors = effects.multipliers(step * np.arange(60), step)
    assert np.all((factors >= LEAST) & (factors <= MOST))


def test_nonsense_is_refused() -> None:
    """An event that ends before it begins, one that never ends, and too many of them."""
    with pytest.raises(ValueError, match="an event ends after its begin"):
        Occurrence(name="e", begin=2.0, end=1.0)
    with pytest.raises(ValueError, match="at most 5000 are declared"):
        Events(occurrences=[release(day) for day in range(5001)])
    assert Effects(events=Events(), profiles={}).multipliers(np.arange(3.0), 1.0).tolist() == [1, 1, 1]

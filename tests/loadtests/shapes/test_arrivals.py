"""Curves and the arrivals drawn from them."""

from itertools import pairwise
from math import sqrt
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.inputs import BadInput
from loadtests.shapes.arrivals import arrivals
from loadtests.shapes.curve import Curve, read_curve, write_curve
from loadtests.shapes.profiles import PROFILES, profile

RATES = st.lists(st.floats(0, 40), min_size=2, max_size=8)


def curve_of(rates: list[float]) -> Curve:
    """A curve with a point each five seconds."""
    return Curve(tuple((5.0 * n, rate) for n, rate in enumerate(rates)))


@given(RATES, st.integers(0, 1000))
def test_as_many_arrive_as_the_area_says(rates: list[float], seed: int) -> None:
    """The number of arrivals is within six standard deviations of the area under the curve."""
    curve = curve_of(rates)
    came = list(arrivals(curve, Random(seed)))
    assert abs(len(came) - curve.visits()) <= 6 * sqrt(curve.visits()) + 3
    assert all(earlier <= later for earlier, later in pairwise(came))
    assert all(0 <= at <= curve.seconds for at in came)


def test_the_same_seed_gives_the_same_arrivals() -> None:
    """Arrivals are a function of curve and seed."""
    curve = profile("opening").scaled(50).stretched(20)
    first, again, other = (list(arrivals(curve, Random(seed))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_arrivals_follow_the_curve_in_time() -> None:
    """Where the rate is five times as high, about five times as many come."""
    curve = Curve(((0, 20), (50, 20), (50.001, 100), (100, 100)))
    came = list(arrivals(curve, Random(4)))
    late = sum(at > 50 for at in came)
    assert 4 < late / (len(came) - late) < 6


def test_a_curve_of_zero_brings_nobody() -> None:
    """No rate, no arrivals, and no endless loop."""
    assert list(arrivals(curve_of([0, 0]), Random(1))) == []


@given(RATES, st.floats(0, 50))
def test_the_rate_stays_between_its_neighbours(rates: list[float], at: float) -> None:
    """Between two points the rate is between theirs; outside the curve it is 0."""
    curve = curve_of(rates)
    rate = curve.rate(at)
    if at > curve.seconds:
        assert rate == 0
    else:
        left = rates[int(at // 5)]
        right = rates[min(int(at // 5) + 1, len(rates) - 1)]
        assert min(left, right) - 1e-9 <= rate <= max(left, right) + 1e-9


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_profiles_have_height_and_length_one(name: str) -> None:
    """Every built-in shape can be scaled and stretched from the same unit."""
    shape = profile(name)
    assert shape.highest == pytest.approx(1)
    assert shape.seconds == pytest.approx(1)
    peak = shape.scaled(125).stretched(60)
    assert (peak.highest, peak.seconds) == (pytest.approx(125), pytest.approx(60))


def test_the_morning_peak_rises_as_mornings_do() -> None:
    """The real weekday is quiet in its first quarter, and its busiest quarter of an hour comes after the middle."""
    points = profile("morning-peak").points
    assert max(rate for at, rate in points if at < 0.25) < 0.2
    assert max(points, key=lambda point: point[1])[0] > 0.5


def test_a_curve_survives_its_file(tmp_path: Path) -> None:
    """What is written is read back."""
    curve = curve_of([1, 2.5, 0])
    write_curve(curve, tmp_path / "c.csv")
    assert read_curve(tmp_path / "c.csv") == curve


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n0,1\n", "line 1: expected the columns seconds,visits_per_s"),
        ("seconds,visits_per_s\n0,1\n5,x\n", "line 3: expected two numbers"),
        ("seconds,visits_per_s\n0,1\n5,nan\n", "line 3: expected finite numbers"),
        ("seconds,visits_per_s\n0,1\n", "expected 2 to"),
        ("seconds,visits_per_s\n1,1\n2,2\n", "first point at 0 seconds"),
        ("seconds,visits_per_s\n0,1\n0,2\n", "growing seconds"),
        ("seconds,visits_per_s\n0,1\n5,-2\n", "between 0 and"),
    ],
)
def test_a_bad_curve_is_refused_by_line(tmp_path: Path, text: str, expected: str) -> None:
    """The file and, where there is one, the line stand in the message."""
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=expected) as caught:
        read_curve(path)
    assert str(path) in str(caught.value)


def test_a_missing_curve_is_refused(tmp_path: Path) -> None:
    """A file that is not there is a sentence, not a traceback."""
    with pytest.raises(BadInput, match="cannot be read"):
        read_curve(tmp_path / "none.csv")

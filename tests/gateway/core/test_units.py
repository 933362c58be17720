"""Durations carry units."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.units import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("10s", 10.0), ("5m", 300.0), ("2h", 7200.0), ("1d", 86400.0), ("1.5 s", 1.5), (" 3s ", 3.0)],
)
def test_a_number_with_a_unit_is_seconds(text: str, seconds: float) -> None:
    """Each unit is understood, with a fraction and with blanks."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["10", 10, 1.5, "", "s", "-3s", "10 sec", "1e3s", "10s5", None, "1.s", "١s0"])
def test_anything_else_is_refused_with_examples(text: object) -> None:
    """A bare number is not a duration: nobody could tell seconds from milliseconds."""
    with pytest.raises(ValueError, match="expected a duration with a unit"):
        parse_duration(text)


@given(st.text(max_size=20))
def test_arbitrary_text_is_a_duration_or_a_refusal(text: str) -> None:
    """Whatever stands in the file gives seconds, never negative, or a ValueError."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0

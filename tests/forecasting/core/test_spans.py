import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.core.spans import format_instant, format_span, parse_bin, parse_instant, parse_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("h", 3600), ("5min", 300), ("15T", 900), ("1.5 d", 129600), ("D", 86400), ("30s", 30), ("2hours", 7200)],
)
def test_spans_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """Unit alone means one of it; case and plural do not matter."""
    assert parse_span(text, name="--x") == seconds


@given(st.text(max_size=12))
def test_any_text_is_a_span_or_a_clear_refusal(text: str) -> None:
    """No text leads to another error, and the option is named."""
    try:
        seconds = parse_span(text, name="--age-limit")
    except InputError as error:
        refusal = str(error)
    else:
        refusal = "" if seconds > 0 else "not above zero"
    assert not refusal or refusal.startswith("--age-limit: ")


def test_a_bin_must_divide_a_day() -> None:
    """Seven minutes do not fit a day; a quarter of an hour does."""
    assert parse_bin("15min", name="--bin") == 900
    for text in ("7min", "2d", "90s3"):
        with pytest.raises(InputError, match="--bin"):
            parse_bin(text, name="--bin")


@given(st.integers(0, 4_000_000_000))
def test_instants_survive_a_round_trip(seconds: int) -> None:
    """What is written is read back as the same instant."""
    assert parse_instant(format_instant(seconds)) == seconds


@given(st.integers(1, 1_000_000))
def test_formatted_spans_are_read_back(seconds: int) -> None:
    """A span shown to people can be typed in again."""
    assert parse_span(format_span(seconds), name="--x") == pytest.approx(seconds, rel=1e-5)


def test_a_time_without_offset_is_utc() -> None:
    """Naive times are taken as UTC, others are converted."""
    assert parse_instant("1995-07-01 00:00:00") == parse_instant("1995-06-30T20:00:00-04:00")

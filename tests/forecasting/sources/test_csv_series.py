from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.core.series import Series
from forecasting.sources.csv_series import read_csv, write_csv
from forecasting.sources.sample import sample_series


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_series_survives_a_round_trip(tmp_path: Path, name: str) -> None:
    """Plain and packed, gaps included."""
    series = Series(start=1.8e9, step=300.0, values=np.array([1.0, np.nan, 2.5, 0.0]))
    write_csv(series, tmp_path / name)
    again = read_csv(tmp_path / name)
    assert (again.start, again.step) == (series.start, series.step)
    assert np.array_equal(again.values, series.values, equal_nan=True)


def test_the_shipped_series_is_read_and_summed_to_hours() -> None:
    """Every request of the file is in the hourly sums, but for the last half-known hour."""
    fine, hourly = read_csv(sample_series()), read_csv(sample_series(), step=3600.0)
    assert (fine.step, hourly.step) == (900.0, 3600.0)
    assert np.nansum(hourly.values[:-1]) == np.nansum(fine.values[: (len(hourly) - 1) * 4])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: expected a header with the columns ds,y"),
        ("time,count\n", "line 1: expected a header with the columns ds,y; found 'time,count'"),
        ("ds,y\n", "0 rows are not enough history"),
        ("ds,y\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,-1\n", "line 3: y is '-1'; expected a number"),
        ("ds,y\n2026-01-01T00:00Z,nan\n", "line 2: y is 'nan'; expected a number"),
        ("ds,y\n2026-01-01T00:00Z,inf\n", "line 2: y is 'inf'; expected a number"),
        ("ds,y\n2026-01-01T00:00Z,1,2\n", "line 2: 3 values; expected 2"),
        ("ds,y\n01.02.2026,1\n", "line 2: ds is '01.02.2026'; expected a time such as"),
        ("ds,y\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1\n2026-01-01T00:00Z,1\n", "line 4: the time .* was there"),
        (
            "ds,y\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1\n2026-01-01T02:00Z,1\n2026-01-01T02:40Z,1\n",
            "line 5: .* is off the grid of 1h",
        ),
        ("ds,y\n2026-01-01T00:00Z,1\n2026-01-01T00:07Z,1\n", "7min apart, which does not divide a day"),
    ],
)
def test_each_fault_is_told_by_line(tmp_path: Path, text: str, sentence: str) -> None:
    """The sentence names the file, the line and what was expected."""
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.csv.*" + sentence):
        read_csv(path)


def test_rows_wider_than_asked_for_are_refused(tmp_path: Path) -> None:
    """Hours cannot be split into minutes."""
    path = tmp_path / "a.csv"
    path.write_text("ds,y\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,1\n")
    with pytest.raises(InputError, match="the rows are 1h apart, wider than --freq 5min; use --freq 1h"):
        read_csv(path, step=300.0)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_series_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """No file leads to another kind of error."""
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    path.write_bytes(b"ds,y\n" + data)
    with pytest.raises(InputError, match=r"any\.csv"):
        read_csv(path)

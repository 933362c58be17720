from pathlib import Path

import numpy as np
import pytest

from forecasting.core.errors import InputError
from forecasting.core.series import Series
from forecasting.sources.columns import Group
from forecasting.sources.table import read_table, write_table


def series(*values: float) -> Series:
    return Series(start=1e9, step=300.0, values=np.array(values))


GROUPS: dict[Group, Series] = {
    ("booking", "visit", "north"): series(1, np.nan, 3),
    ("booking", "visit", "south"): series(4, np.nan, 6),
    ("desk", "auth", ""): series(7, np.nan, 0),
}


def test_a_table_gives_back_its_series_with_their_gaps(tmp_path: Path) -> None:
    """Room, class and region make the name; a gap is a gap again."""
    path = tmp_path / "it's" / "arrivals.parquet"
    write_table(GROUPS, path)
    found = read_table(path)
    assert sorted(found) == ["booking.visit.north", "booking.visit.south", "desk.auth"]
    assert found["desk.auth"].values.tolist()[::2] == [7, 0]
    assert np.isnan(found["desk.auth"].values[1])
    assert (found["desk.auth"].start, found["desk.auth"].step) == (1e9, 300.0)


def test_a_table_is_added_up_by_room_class_or_region(tmp_path: Path) -> None:
    """What has no region is the rest."""
    path = tmp_path / "arrivals.parquet"
    write_table(GROUPS, path)
    assert read_table(path, "room")["booking"].values[0] == 5
    assert sorted(read_table(path, "class")) == ["auth", "visit"]
    assert sorted(read_table(path, "region")) == ["north", "rest", "south"]


def test_what_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    """Text, or another table."""
    (tmp_path / "a.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"a\.parquet: not a table with the columns ds, room, class, region, y"):
        read_table(tmp_path / "a.parquet")

"""Many series in one parquet file: a row per bin of each room, class and region; a gap of the log is null."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.series import Series
from forecasting.core.spans import format_span
from forecasting.sources.columns import Group

COLUMNS = ("ds", "room", "class", "region", "y")


def write_table(groups: Mapping[Group, Series], path: Path) -> None:
    """Write series of one grid, in one step; InputError if that fails."""
    import duckdb

    draft = path.with_name(f".{path.name}.part")
    rows = _rows(groups)  # noqa: F841 - DuckDB reads it by its name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _base().cursor() as base:
            base.execute(
                "COPY (SELECT ds, room, class, region, CASE WHEN isnan(y) THEN NULL ELSE y END AS y FROM rows) "
                f"TO '{str(draft).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)"
            )
        draft.replace(path)
    except (OSError, duckdb.Error) as error:
        draft.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error}") from None


def read_table(path: Path, by: str = "") -> dict[str, Series]:
    """Return the series of a table, added up by `room`, `class` or `region`, or by all three, by their names.

    InputError for a file that is no such table.
    """
    import duckdb

    name = {"": "concat_ws('.', nullif(room, ''), nullif(class, ''), nullif(region, ''))"}.get(by, f'"{by}"')
    query = (
        f"SELECT coalesce(nullif({name}, ''), 'rest') AS name, epoch(ds) AS begin_at, "
        "CASE WHEN count(y) = 0 THEN NULL ELSE sum(y) END AS y FROM read_parquet(?) "
        "GROUP BY ALL ORDER BY name, begin_at"
    )
    try:
        with _base().cursor() as base:
            found = base.execute(query, [str(path)]).fetchnumpy()
    except duckdb.Error as error:
        raise InputError(f"{path}: not a table with the columns {', '.join(COLUMNS)}: {error}") from None
    values = np.ma.filled(np.ma.asarray(found["y"], dtype=np.float64), np.nan)
    names, first = np.unique(found["name"].astype(str), return_index=True)
    bounds = [*np.sort(first).tolist(), len(values)]
    order = names[np.argsort(first)]
    return {
        str(name): _series(str(path), found["begin_at"][begin:end], values[begin:end])
        for name, begin, end in zip(order, bounds, bounds[1:], strict=False)
    }


@cache
def _base() -> Any:
    """Return the empty database of this process: opening one takes longer than what is asked of it."""
    import duckdb

    return duckdb.connect()


def _series(place: str, at: Any, values: Any) -> Series:
    steps = np.unique(np.diff(at))
    if len(steps) != 1:
        raise InputError(f"{place}: the rows of a series are not evenly apart: {[format_span(s) for s in steps[:3]]}")
    return Series(start=float(at[0]), step=float(steps[0]), values=values)


def _rows(groups: Mapping[Group, Series]) -> dict[str, Any]:
    series = list(groups.values())
    stamps = (series[0].times * 1e6).astype("int64").astype("datetime64[us]")
    names = [np.repeat(np.array(column, dtype=object), len(stamps)) for column in zip(*groups, strict=True)]
    return {
        "ds": np.tile(stamps, len(series)),
        "room": names[0],
        "class": names[1],
        "region": names[2],
        "y": np.concatenate([each.values for each in series]),
    }

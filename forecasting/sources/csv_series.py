"""Series and forecasts as CSV: `ds,y` in, `ds,yhat,yhat_lower,yhat_upper,q95` out; `.gz` by the name.

An empty `y` is a gap. A time without an offset is UTC. Each fault is reported with file and line.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.series import Forecast, Series
from forecasting.core.spans import DAY, format_instant, format_span, parse_instant

MAX_ROWS = 2_000_000
MAX_BINS = 2_000_000


def read_csv(path: Path, *, step: float | None = None) -> Series:
    """Read a series; with `step` its bins are summed up to that width, else the rows tell the width."""
    place = str(path)
    rows = sorted(_rows(path))
    if len(rows) < 2:
        raise InputError(f"{place}: {len(rows)} rows are not enough history; at least two days are needed")
    for (one, _, _), (two, line, _) in pairwise(rows):
        if one == two:
            raise InputError(
                f"{place}, line {line}: the time {format_instant(two)} was there before; times must differ"
            )
    width = _width(rows, step, place)
    start = rows[0][0]
    count = round((rows[-1][0] - start) / width) + 1
    if count > MAX_BINS:
        raise InputError(f"{place}: the rows span {count} bins of {format_span(width)}; at most {MAX_BINS} are read")
    values = np.full(count, np.nan)
    for at, line, value in rows:
        index = round((at - start) / width)
        if abs(start + index * width - at) > 0.5:
            raise InputError(
                f"{place}, line {line}: {format_instant(at)} is off the grid of {format_span(width)} "
                f"that begins at {format_instant(start)}; put the rows on an even grid"
            )
        values[index] = value
    series = Series(start=start, step=width, values=values)
    return series if step is None else series.summed(step)


def write_csv(series: Series, path: Path) -> None:
    """Write a series; a gap is an empty y."""
    rows = (
        (format_instant(at), "" if value != value else f"{value:.10g}")
        for at, value in zip(series.times.tolist(), series.values.tolist(), strict=True)
    )
    write_rows(path, ("ds", "y"), rows)


def write_forecast(forecast: Forecast, path: Path) -> None:
    """Write a forecast: the median and the 80 % band, and the 95 % quantile."""
    columns = (forecast.times, forecast.q50, forecast.q10, forecast.q90, forecast.q95)
    rows = (
        (format_instant(at), *(f"{value:.4f}" for value in values))
        for at, *values in zip(*(column.tolist() for column in columns), strict=True)
    )
    write_rows(path, ("ds", "yhat", "yhat_lower", "yhat_upper", "q95"), rows)


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV; compressed if its name ends in `.gz`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place and move it there whole, making its folder; InputError if that fails."""
    draft = path.with_name(f".{path.name}.part")
    data = text.encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _rows(path: Path) -> Iterator[tuple[float, int, float]]:
    """Yield (time, line number, value or NaN) for every row."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            text = io.TextIOWrapper(gzip.GzipFile(fileobj=raw) if packed else raw, "utf-8-sig", newline="")
            yield from _parsed(text, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error):
        raise InputError(f"{path}: the compressed data is cut short or damaged; copy the file again") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8; expected a CSV with the columns ds,y") from None


def _parsed(text: IO[str], place: str) -> Iterator[tuple[float, int, float]]:
    reader = csv.reader(text)
    try:
        header = [name.strip() for name in next(reader, [])]
        if "ds" not in header or "y" not in header:
            found = ",".join(header)[:60] or "nothing"
            raise InputError(f"{place}, line 1: expected a header with the columns ds,y; found {found!r}")
        ds, y = header.index("ds"), header.index("y")
        for number, row in enumerate(reader):
            if number >= MAX_ROWS:
                raise InputError(f"{place}, line {reader.line_num}: more than {MAX_ROWS} rows; split the file")
            if row:
                yield _row(row, ds, y, len(header), f"{place}, line {reader.line_num}", reader.line_num)
    except csv.Error as error:
        raise InputError(f"{place}, line {reader.line_num}: not CSV: {error}") from None


def _row(row: list[str], ds: int, y: int, columns: int, where: str, line: int) -> tuple[float, int, float]:
    if len(row) != columns:
        raise InputError(f"{where}: {len(row)} values; expected {columns}, as in the header")
    try:
        at = parse_instant(row[ds])
    except (ValueError, OverflowError):
        raise InputError(f"{where}: ds is {row[ds][:40]!r}; expected a time such as 2026-11-23T08:00:00Z") from None
    text = row[y].strip()
    if not text:
        return at, line, math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not 0 <= value < 1e12:
        raise InputError(f"{where}: y is {text[:40]!r}; expected a number of arrivals, zero or more (empty is a gap)")
    return at, line, value


def _width(rows: Sequence[tuple[float, int, float]], step: float | None, place: str) -> float:
    """Return the spacing of the rows: the commonest, which must divide a day and not exceed `step`."""
    distances, counts = np.unique(np.diff([at for at, _, _ in rows]), return_counts=True)
    width = float(distances[np.argmax(counts)])
    if step is not None and width > step:
        raise InputError(
            f"{place}: the rows are {format_span(width)} apart, wider than --freq {format_span(step)}; "
            f"use --freq {format_span(width)}"
        )
    if width > DAY or DAY % width:
        raise InputError(f"{place}: the rows are {format_span(width)} apart, which does not divide a day evenly")
    if step is not None and step % width:
        raise InputError(f"{place}: rows {format_span(width)} apart do not fill bins of --freq {format_span(step)}")
    return width

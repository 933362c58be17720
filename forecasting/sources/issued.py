"""The gateway's forecast log: what was issued for each step, and the visits per second that came."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from forecasting.core.errors import InputError
from forecasting.core.outcomes import COLUMNS, Outcomes

MAX_LINES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedLog:
    """Outcomes by room, of the step width that was issued last; `broken` counts lines that could not be read."""

    rooms: dict[str, Outcomes]
    versions: dict[str, str]
    broken: int


def read_issued(path: Path) -> IssuedLog:
    """Read a log and the one that was rotated away before it; InputError where there is none, or nothing in it."""
    rows: dict[tuple[str, float], list[tuple[float, ...]]] = {}
    latest: dict[str, tuple[float, float, str]] = {}
    broken = 0
    for line in _lines(path):
        try:
            found = orjson.loads(line)
            room, step, at = str(found["room"]), float(found["step_seconds"]), float(found["at"])
            row = _row(found, at, step)
        except (KeyError, TypeError, ValueError):
            broken += 1
            continue
        if not found["version"] or not 0 < step <= 86400 or not all(map(np.isfinite, row)) or min(row) < 0:
            broken += 1
            continue
        rows.setdefault((room, step), []).append(row)
        latest[room] = max(latest.get(room, (0.0, 0.0, "")), (at, step, str(found["version"])))
    if not rows:
        raise InputError(f"{path}: holds no outcome of a forecast; the gateway writes one for each step it has watched")
    rooms = {room: _outcomes(rows[room, step], step) for room, (_, step, _) in sorted(latest.items())}
    return IssuedLog(rooms=rooms, versions={room: found[2] for room, found in latest.items()}, broken=broken)


def _row(found: dict[str, Any], at: float, step: float) -> tuple[float, ...]:
    counts = [float(found[name]) * step for name in ("q10", "q50", "q90", "q95")]
    return (at, float(found["made_at"]), *counts, counts[1] * float(found["factor"]), float(found["arrivals"]) * step)


def _outcomes(rows: Iterable[tuple[float, ...]], step: float) -> Outcomes:
    columns = np.array(list(rows), dtype=np.float64).T
    return Outcomes(step=step, **dict(zip(COLUMNS, columns, strict=True))).in_order()


def _lines(path: Path) -> Iterator[bytes]:
    count = 0
    for place in (path.with_name(path.name + ".1"), path):
        if place != path and not place.exists():
            continue
        try:
            with place.open("rb") as file:
                for line in file:
                    count += 1
                    if count > MAX_LINES:
                        raise InputError(f"{place}: more than {MAX_LINES} lines; move the oldest away")
                    yield line
        except OSError as error:
            raise InputError(f"--issued: {place} cannot be read: {error.strerror}") from None

"""A curve of arrivals: visits per second over seconds, straight between its points."""

import csv
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path

from loadtests.inputs import BadInput

HEADER = ("seconds", "visits_per_s")
MAX_POINTS = 100_000
_MAX_RATE = 100_000.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order of time from 0; the rate before the first and after the last point is 0."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not 2 <= len(self.points) <= MAX_POINTS:
            raise ValueError(f"expected 2 to {MAX_POINTS} points, got {len(self.points)}")
        if self.points[0][0] != 0:
            raise ValueError(f"expected the first point at 0 seconds, got {self.points[0][0]:g}")
        for (earlier, _), (later, _) in pairwise(self.points):
            if not later > earlier:
                raise ValueError(f"expected growing seconds, got {later:g} after {earlier:g}")
        for _, rate in self.points:
            if not 0 <= rate <= _MAX_RATE:
                raise ValueError(f"expected visits_per_s between 0 and {_MAX_RATE:g}, got {rate:g}")

    @property
    def seconds(self) -> float:
        """How long the curve lasts."""
        return self.points[-1][0]

    @property
    def highest(self) -> float:
        """The highest rate."""
        return max(rate for _, rate in self.points)

    def rate(self, at: float) -> float:
        """Visits per second at an instant."""
        if not 0 <= at <= self.seconds:
            return 0.0
        after = min(bisect_right(self.points, (at, float("inf"))), len(self.points) - 1)
        (start, low), (end, high) = self.points[after - 1], self.points[after]
        return low + (high - low) * (at - start) / (end - start)

    def visits(self) -> float:
        """How many visits the curve brings on average: the area under it."""
        return sum((end - start) * (low + high) / 2 for (start, low), (end, high) in pairwise(self.points))

    def scaled(self, highest: float) -> "Curve":
        """The same shape with another height."""
        if self.highest == 0:
            return self
        return Curve(tuple((at, rate * highest / self.highest) for at, rate in self.points))

    def stretched(self, seconds: float) -> "Curve":
        """The same shape with another length."""
        return Curve(tuple((at * seconds / self.seconds, rate) for at, rate in self.points))


def read_curve(path: Path) -> Curve:
    """Read a CSV with the columns seconds and visits_per_s; BadInput names file, line and expectation."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return _parse(path, csv.reader(file))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: expected a CSV in UTF-8 with the columns {','.join(HEADER)}") from None


def write_curve(curve: Curve, path: Path) -> None:
    """Write a curve so that `read_curve` gives it back."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows((f"{at:.6g}", f"{rate:.6g}") for at, rate in curve.points)


def _parse(path: Path, rows: Iterable[list[str]]) -> Curve:
    points: list[tuple[float, float]] = []
    for line, row in enumerate(rows, start=1):
        if line == 1:
            if tuple(name.strip() for name in row) != HEADER:
                raise BadInput(f"{path}, line 1: expected the columns {','.join(HEADER)}, got {','.join(row)}")
            continue
        if not row:
            continue
        try:
            at, rate = map(float, row)
        except ValueError:
            raise BadInput(f"{path}, line {line}: expected two numbers, got {','.join(row)!r}") from None
        if not isfinite(at) or not isfinite(rate) or len(points) >= MAX_POINTS:
            raise BadInput(f"{path}, line {line}: expected finite numbers in at most {MAX_POINTS} lines")
        points.append((at, rate))
    try:
        return Curve(tuple(points))
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None

"""The morning that the demo plays: a real Monday of the shipped trace, made quicker and scaled.

The day itself is kept from the forecast: models see the trace up to midnight. Visitors follow the day as it was;
the plan follows the day as it was forecast; both are scaled by the same factor, so the forecast's errors are real.
"""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from forecasting.sources.sample import sample_series
from talon.demo.plan import ALL_BACKENDS, CAPACITY, PEAK

ZONE = "America/New_York"
MIDNIGHT = datetime.fromisoformat("1995-07-24T00:00:00-04:00").timestamp()
BEGIN = MIDNIGHT + 4 * 3600.0
END = MIDNIGHT + 12 * 3600.0
BIN = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """Counts per quarter of an hour from BEGIN to END, and how they become visits per second of the demo."""

    counts: tuple[float, ...]
    seconds: float

    @property
    def speed(self) -> float:
        """Seconds of the trace in one second of the demo."""
        return (END - BEGIN) / self.seconds

    @property
    def scale(self) -> float:
        """Visits per second of the demo for one request per second of the trace."""
        return PEAK * CAPACITY / (max(self.counts) / BIN)

    def curve(self) -> list[tuple[float, float]]:
        """Return (second, visits/s): each quarter's rate at its middle, straight lines between."""
        width = self.seconds / len(self.counts)
        rates = [count / BIN * self.scale for count in self.counts]
        middles = [((i + 0.5) * width, rate) for i, rate in enumerate(rates)]
        return [(0.0, rates[0]), *middles, (self.seconds, rates[-1])]

    def rush(self) -> tuple[float, float]:
        """Return the longest span of seconds in which more visits come than all backends together can finish."""
        spans, begin = [], None
        for at, rate in [*self.curve(), (self.seconds, 0.0)]:
            if rate > ALL_BACKENDS and begin is None:
                begin = at
            elif rate <= ALL_BACKENDS and begin is not None:
                spans.append((begin, at))
                begin = None
        return max(spans, key=lambda span: span[1] - span[0])

    def write_curve(self, path: Path) -> None:
        """Write the curve as the load test reads it."""
        rows = "".join(f"{at:.3f},{rate:.4f}\n" for at, rate in self.curve())
        path.write_text("seconds,visits_per_s\n" + rows, encoding="utf-8")


def read_trace() -> list[tuple[float, str, float]]:
    """Return (time, its text, count) of every quarter of an hour in the shipped series."""
    with gzip.open(sample_series(), "rt", encoding="utf-8", newline="") as text:
        return [
            (datetime.fromisoformat(row["ds"]).timestamp(), row["ds"], float(row["y"])) for row in csv.DictReader(text)
        ]


def morning(trace: Sequence[tuple[float, str, float]], seconds: float) -> Morning:
    """Return the played morning, lasting `seconds`."""
    return Morning(counts=tuple(count for at, _, count in trace if BEGIN <= at < END), seconds=seconds)


def write_history(trace: Sequence[tuple[float, str, float]], path: Path) -> int:
    """Write what the models may see, all before the played day; returns the number of bins."""
    rows = [f"{text},{count:g}\n" for at, text, count in trace if at < MIDNIGHT]
    path.write_text("ds,y\n" + "".join(rows), encoding="utf-8")
    return len(rows)

"""What is counted of the logs: lines and arrivals per time bin, the arrivals by room, class and region.

Memory holds a number per bin that saw anything. Counts of several runs add up, so that a log can be read bit by bit.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.gaps import silent_gaps
from forecasting.core.series import BoolArray, FloatArray, IntArray, Series
from forecasting.core.spans import format_span
from forecasting.sources.columns import Group

MAX_BINS = 1_000_000
MAX_GROUPS = 2_000
OTHER = "other"


@dataclass(slots=True)
class Tally:
    """Counts by bin, numbered from the epoch in bins of `width` seconds."""

    width: float
    lines: Counter[int] = field(default_factory=Counter)
    arrivals: dict[Group, Counter[int]] = field(default_factory=dict)

    def note_lines(self, bins: IntArray) -> None:
        """Count lines of any kind, by their bins."""
        self.lines.update(_counts(bins))
        if len(self.lines) > MAX_BINS:
            raise self._too_wide()

    def note_arrivals(self, group: Group, bins: IntArray) -> None:
        """Count arrivals; beyond the limit of groups, regions and then all else are put together as `other`."""
        if group not in self.arrivals and len(self.arrivals) >= MAX_GROUPS:
            group = (group[0], group[1], OTHER)
            if group not in self.arrivals and len(self.arrivals) >= 2 * MAX_GROUPS:
                group = (OTHER, OTHER, OTHER)
        self.arrivals.setdefault(group, Counter()).update(_counts(bins))

    def gaps(self) -> BoolArray:
        """Tell which bins from the first line to the last belong to a gap of the log."""
        return silent_gaps(self._filled(self.lines), start=min(self.lines) * self.width, step=self.width)

    def series(self, gaps: BoolArray) -> dict[Group, Series]:
        """Return the arrivals of each group, empty where the log has a gap."""
        start = min(self.lines) * self.width
        return {
            group: Series(start=start, step=self.width, values=np.where(gaps, np.nan, self._filled(counts)))
            for group, counts in sorted(self.arrivals.items())
        }

    def _filled(self, counts: Mapping[int, int]) -> FloatArray:
        first, last = min(self.lines), max(self.lines)
        if last - first >= MAX_BINS:
            raise self._too_wide()
        values = np.zeros(last - first + 1)
        if counts:
            values[np.fromiter(counts, np.int64, len(counts)) - first] = np.fromiter(
                counts.values(), np.float64, len(counts)
            )
        return values

    def _too_wide(self) -> InputError:
        return InputError(
            f"the lines span more than {MAX_BINS} bins of {format_span(self.width)}; use a wider --bin or fewer logs "
            "at a time"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values that `of` reads back."""
        groups = [[*group, _packed(counts)] for group, counts in self.arrivals.items()]
        return {"width": self.width, "lines": _packed(self.lines), "arrivals": groups}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Tally":
        """Return what `to_json` wrote; raises KeyError, TypeError or ValueError."""
        return cls(
            width=float(document["width"]),
            lines=_unpacked(document["lines"]),
            arrivals={(room, kind, region): _unpacked(c) for room, kind, region, c in document["arrivals"]},
        )


def _counts(bins: IntArray) -> dict[int, int]:
    found, counts = np.unique(bins, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _packed(counts: Mapping[int, int]) -> dict[str, list[int]]:
    return {"bins": list(counts), "counts": list(counts.values())}


def _unpacked(document: Mapping[str, list[int]]) -> Counter[int]:
    return Counter(dict(zip(document["bins"], document["counts"], strict=True)))

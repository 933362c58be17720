"""The account of a run over logs: what was read, kept and dropped, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecasting.core.calendar import Calendar
from forecasting.core.liveness import live_bins
from forecasting.core.series import BoolArray, Series
from forecasting.core.spans import HOUR, format_instant
from forecasting.sources.cleaning import Reason

SAMPLES = 3
GAPS_LISTED = 100


@dataclass(slots=True)
class Quality:
    """Counts of one run, or of all runs of an incremental one; kept + dropped = read."""

    files: list[str] = field(default_factory=list)
    read: int = 0
    kept: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)
    samples: dict[Reason, list[str]] = field(default_factory=dict)
    forms: Counter[str] = field(default_factory=Counter)
    clock_steps: int = 0
    forgotten: int = 0

    def drop(self, reason: Reason, count: int, samples: Sequence[str] = ()) -> None:
        """Count dropped lines, and keep samples while there are few."""
        if not count:
            return
        self.dropped[reason] += count
        kept = self.samples.setdefault(reason, [])
        kept.extend(samples[: SAMPLES - len(kept)])

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values that `of` reads back."""
        return {
            "files": self.files, "read": self.read, "kept": self.kept, "dropped": dict(self.dropped),
            "samples": dict(self.samples), "forms": dict(self.forms), "clock_steps": self.clock_steps,
            "forgotten": self.forgotten,
        }  # fmt: skip

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Quality":
        """Return what `to_json` wrote; raises KeyError or ValueError."""
        return cls(
            files=list(document["files"]),
            read=int(document["read"]),
            kept=int(document["kept"]),
            dropped=Counter({Reason(name): int(count) for name, count in document["dropped"].items()}),
            samples={Reason(name): list(lines) for name, lines in document["samples"].items()},
            forms=Counter(document["forms"]),
            clock_steps=int(document["clock_steps"]),
            forgotten=int(document["forgotten"]),
        )


def report(quality: Quality, series: Series, gaps: BoolArray) -> dict[str, Any]:
    """Return the quality report as JSON values: counts, gaps of the log, and suspected outages."""
    spans, outages = spans_of(gaps, series.start, series.step), _suspected_outages(series)
    return {
        "format": 1,
        "files": quality.files,
        "lines_read": quality.read,
        "kept": quality.kept,
        "dropped": {
            reason.value: {"lines": count, "samples": quality.samples.get(reason, [])}
            for reason, count in sorted(quality.dropped.items())
        },
        "forms": dict(quality.forms),
        "clock_steps": quality.clock_steps,
        "forgotten_clients": quality.forgotten,
        "begin": format_instant(series.start),
        "end": format_instant(series.end),
        "bin_seconds": series.step,
        "bins": len(series),
        "gap_bins": len(series) - series.known,
        "gaps": _listed(spans),
        "gaps_in_all": len(spans),
        "suspected_outages": _listed(outages),
        "suspected_outages_in_all": len(outages),
    }


def spans_of(flags: BoolArray, start: float, step: float) -> list[tuple[float, float]]:
    """Return begin and end of every run of flagged bins."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(start + first * step, start + last * step) for first, last in pairs]


def _suspected_outages(series: Series) -> list[tuple[float, float]]:
    """Return the hours that models leave out: known, and far quieter than the same hours of other weeks."""
    hourly = series.summed(max(HOUR, series.step))
    dead = ~live_bins(hourly, Calendar()) & ~np.isnan(hourly.values)
    return spans_of(dead, hourly.start, hourly.step)


def _listed(spans: Sequence[tuple[float, float]]) -> list[dict[str, str]]:
    return [{"begin": format_instant(begin), "end": format_instant(end)} for begin, end in spans[:GAPS_LISTED]]

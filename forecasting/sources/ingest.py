"""Access logs to a clean series of arrivals, with an account of every line that was not counted.

The logs are streamed: memory holds two numbers per time bin, a limited table of recent clients, and three
samples per reason, whatever the size of the log. Invariant: kept + dropped = lines read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import IO, Any

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.gaps import silent_gaps
from forecasting.core.series import BoolArray, Series
from forecasting.core.spans import format_instant, format_span
from forecasting.sources.cleaning import Cleaner, Reason, Rules
from forecasting.sources.clock import ClockGuard
from forecasting.sources.lines import LONGEST_LINE, read_lines
from forecasting.sources.masking import described, masked
from forecasting.sources.parsers import Event, LineParser

MAX_BINS = 1_000_000
SAMPLES = 3
GAPS_LISTED = 100
TELL_EVERY = 20_000

OnLines = Callable[[int], None]


def ignore_lines(count: int) -> None:
    """Take note of nothing."""


@dataclass(slots=True)
class Quality:
    """The account of a run: what was read, kept and dropped, and why."""

    files: list[str] = field(default_factory=list)
    read: int = 0
    kept: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)
    samples: dict[Reason, list[str]] = field(default_factory=dict)
    forms: Counter[str] = field(default_factory=Counter)
    clock_steps: int = 0
    forgotten: int = 0

    def drop(self, reason: Reason, sample: Callable[[], str]) -> None:
        """Count a dropped line and keep its sample if it is one of the first."""
        self.dropped[reason] += 1
        if self.dropped[reason] <= SAMPLES:
            self.samples.setdefault(reason, []).append(sample())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The series and its account."""

    series: Series
    quality: Quality
    gaps: tuple[tuple[float, float], ...]

    def document(self) -> dict[str, Any]:
        """Return the quality report as JSON values."""
        quality, series = self.quality, self.series
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
            "gaps": [
                {"begin": format_instant(begin), "end": format_instant(end)} for begin, end in self.gaps[:GAPS_LISTED]
            ],
            "gaps_in_all": len(self.gaps),
        }


class Ingest:
    """One run over any number of logs; feed `read`, then take `result`."""

    def __init__(
        self,
        *,
        width: float,
        rules: Rules,
        salt: bytes,
        parser: LineParser | None = None,
        on_lines: OnLines = ignore_lines,
    ) -> None:
        self._width = width
        self._cleaner = Cleaner(rules, salt)
        self._parser = parser or LineParser()
        self._on_lines = on_lines
        self._lines: Counter[int] = Counter()
        self._arrivals: Counter[int] = Counter()
        self.quality = Quality()

    def read(self, name: str, lines: Iterable[bytes]) -> None:
        """Read one log to its end."""
        quality, guard = self.quality, ClockGuard()
        quality.files.append(name)
        for line in lines:
            quality.read += 1
            if quality.read % TELL_EVERY == 0:
                self._on_lines(quality.read)
            event = self._event(line)
            if event is not None:
                self._settle(*guard.push(event))
        self._settle(*guard.finish())
        quality.clock_steps += guard.steps
        quality.forgotten = self._cleaner.forgotten

    def _event(self, line: bytes) -> Event | None:
        quality = self.quality
        if len(line) > LONGEST_LINE:
            quality.drop(Reason.TOO_LONG, partial(masked, line))
        elif not line.strip():
            quality.drop(Reason.BLANK, str)
        else:
            event = self._parser.parse(line)
            if event is not None:
                return event
            quality.drop(Reason.BROKEN, partial(masked, line))
        return None

    def _settle(self, accepted: Sequence[Event], rejected: Sequence[Event]) -> None:
        quality = self.quality
        for event in rejected:
            quality.drop(Reason.CLOCK_STEP, partial(described, event))
        for event in accepted:
            index = int(event.at // self._width)
            quality.forms[event.form] += 1
            self._lines[index] += 1
            reason = self._cleaner.judge(event)
            if reason is None:
                quality.kept += 1
                self._arrivals[index] += 1
            else:
                quality.drop(reason, partial(described, event))
        if len(self._lines) > MAX_BINS:
            raise _too_wide(self._width)

    def result(self) -> Ingested:
        """Return the series over all logs; InputError where no line could be read."""
        quality = self.quality
        if not quality.read:
            raise InputError(f"{', '.join(quality.files)}: the log is empty; give a log with requests in it")
        if not self._lines:
            raise InputError(
                f"{', '.join(quality.files)}: none of {quality.read} lines could be read; "
                "expected the Common or Combined form, HAProxy's, JSON lines with a time and a path, or what "
                "--log-format describes"
            )
        if not quality.kept:
            reason, count = quality.dropped.most_common(1)[0]
            raise InputError(
                f"{', '.join(quality.files)}: none of {quality.read} lines is an arrival; {count} were dropped as "
                f"{reason}; see the options of ingest that say what to keep"
            )
        first, last = min(self._lines), max(self._lines)
        if last - first >= MAX_BINS:
            raise _too_wide(self._width)
        lines, arrivals = np.zeros(last - first + 1), np.zeros(last - first + 1)
        for counts, target in ((self._lines, lines), (self._arrivals, arrivals)):
            for index, count in counts.items():
                target[index - first] = count
        start = first * self._width
        gaps = silent_gaps(lines, start=start, step=self._width)
        values = np.where(gaps, np.nan, arrivals)
        return Ingested(
            series=Series(start=start, step=self._width, values=values),
            quality=quality,
            gaps=_spans(gaps, start, self._width),
        )


def ingest(
    sources: Sequence[str],
    stdin: IO[bytes],
    *,
    width: float,
    rules: Rules,
    salt: bytes,
    parser: LineParser | None = None,
    on_lines: OnLines = ignore_lines,
) -> Ingested:
    """Read all logs (`-` is `stdin`) into one series in bins of `width` seconds."""
    run = Ingest(width=width, rules=rules, salt=salt, parser=parser, on_lines=on_lines)
    for source in sources:
        run.read(source if source == "-" else PurePath(source).name, read_lines(source, stdin))
    return run.result()


def _spans(gaps: BoolArray, start: float, step: float) -> tuple[tuple[float, float], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], gaps.astype(np.int8), [0]))))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return tuple((start + first * step, start + last * step) for first, last in pairs)


def _too_wide(width: float) -> InputError:
    return InputError(
        f"the lines span more than {MAX_BINS} bins of {format_span(width)}; use a wider --bin or fewer logs at a time"
    )

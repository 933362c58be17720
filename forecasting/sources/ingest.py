"""Access logs to clean series of arrivals, with an account of every line that was not counted.

Blocks of lines become columns of numbers in as many processes as there are cores; what needs the lines in their order
(clocks that jump, visits and repetitions, the count by bin) is done here, column by column. Memory holds a few numbers
per time bin, tables of recent clients of limited size, and three samples per reason, whatever the size of the log.
Invariant: kept + dropped = lines read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from forecasting.core.errors import InputError
from forecasting.core.series import BoolArray, FloatArray, IntArray, Series
from forecasting.sources.cleaning import KEPT, REASONS, Reason, Repeat, Rules
from forecasting.sources.clock import ClockGuard
from forecasting.sources.columns import Columns, Group
from forecasting.sources.quality import Quality, report
from forecasting.sources.repeats import Recent, Seen
from forecasting.sources.tally import Tally

OnLines = Callable[[int], None]


def ignore_lines(count: int) -> None:
    """Take note of nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The arrivals in all and by room, class and region, and their account."""

    series: Series
    groups: dict[Group, Series]
    quality: Quality
    gaps: BoolArray

    def document(self) -> dict[str, Any]:
        """Return the quality report as JSON values."""
        return report(self.quality, self.series, self.gaps)


class _Line(NamedTuple):
    """One line that waits for the clock to be understood."""

    at: float
    verdict: int
    repeat: int
    who: int
    person: int
    refused: bool
    group: int
    sample: str | None


class Ingest:
    """One run over any number of logs: `begin` each, `take` its columns, `end` it; then ask for `result`."""

    def __init__(
        self,
        *,
        width: float,
        rules: Rules,
        tally: Tally | None = None,
        quality: Quality | None = None,
        on_lines: OnLines = ignore_lines,
    ) -> None:
        self._rules = rules
        self._on_lines = on_lines
        self._visits = Seen(rules.remembered)
        self._people, self._clients = Recent(rules.remembered), Recent(rules.remembered)
        self._guard: ClockGuard[_Line] = ClockGuard()
        self._group_ids: dict[Group, int] = {}
        self.tally = tally or Tally(width)
        self.quality = quality or Quality()

    def begin(self, name: str) -> None:
        """Go on to the next log."""
        self._guard = ClockGuard()
        if name not in self.quality.files:
            self.quality.files.append(name)

    def take(self, columns: Columns, *, told: bool = True) -> None:
        """Count the next lines of the log; with `told` false they were counted before, and only say what was seen."""
        if not told:
            self._recall(columns)
            return
        quality = self.quality
        quality.read += len(columns.at)
        quality.forms.update(columns.forms)
        timed = ~np.isnan(columns.at)
        for number, count in enumerate(np.bincount(columns.verdict[~timed], minlength=KEPT)[:KEPT].tolist()):
            quality.drop(REASONS[number], count, columns.samples.get(REASONS[number], ()))
        ids = np.array([self._group_ids.setdefault(g, len(self._group_ids)) for g in columns.groups], dtype=np.int64)
        columns.group = ids[columns.group] if len(ids) else columns.group
        self._place(columns, np.flatnonzero(timed))
        self._on_lines(quality.read)

    def end(self) -> None:
        """End the log."""
        accepted, rejected = self._guard.finish()
        self._settle_lines(accepted, rejected)
        self.quality.clock_steps += self._guard.steps
        self.quality.forgotten = self._visits.forgotten + self._people.forgotten + self._clients.forgotten

    def _place(self, columns: Columns, indices: IntArray) -> None:
        """Put lines on the timeline: many at once where that goes without a question, else line by line."""
        accepted: list[_Line] = []
        rejected: list[_Line] = []
        place, times = 0, columns.at[indices]
        while place < len(indices):
            count = self._guard.follow(times[place:])
            if count:
                self._settle_lines(accepted, rejected, columns.samples)
                accepted, rejected = [], []
                self._settle(columns, indices[place : place + count])
                place += count
                continue
            line = _line(columns, int(indices[place]))
            now, never = self._guard.push(line.at, line)
            accepted += now
            rejected += never
            place += 1
        self._settle_lines(accepted, rejected, columns.samples)

    def _settle_lines(
        self, accepted: Sequence[_Line], rejected: Sequence[_Line], samples: dict[Reason, list[str]] | None = None
    ) -> None:
        shown = [line.sample for line in rejected if line.sample is not None]
        self.quality.drop(Reason.CLOCK_STEP, len(rejected), shown)
        if accepted:
            at, verdict, repeat, who, person, refused, group, sample = zip(*accepted, strict=True)
            ints = [np.array(values, dtype=np.int64) for values in (verdict, repeat, who, person, group)]
            columns = Columns(
                at=np.array(at), verdict=ints[0], repeat=ints[1], who=ints[2], person=ints[3],
                refused=np.array(refused, dtype=np.bool_), group=ints[4], groups=(), forms=self.quality.forms,
                samples=samples or {}, suspects={n: text for n, text in enumerate(sample) if text is not None},
            )  # fmt: skip
            self._settle(columns, np.arange(len(at)))

    def _settle(self, columns: Columns, where: IntArray) -> None:
        """Count the lines `where`, whose time is believed."""
        quality = self.quality
        bins = np.floor(columns.at[where] / self.tally.width).astype(np.int64)
        self.tally.note_lines(bins)
        verdict = columns.verdict[where].copy()
        for number, count in enumerate(np.bincount(verdict, minlength=KEPT)[:KEPT].tolist()):
            quality.drop(REASONS[number], count, columns.samples.get(REASONS[number], ()))
        able = np.flatnonzero(verdict == KEPT)
        for reason, found in self._repeated(columns, where[able]):
            again = able[found]
            verdict[again] = REASONS.index(reason)
            shown = [columns.suspects[n] for n in where[again][:1000].tolist() if n in columns.suspects]
            quality.drop(reason, len(again), shown)
        kept = verdict == KEPT
        quality.kept += int(np.count_nonzero(kept))
        groups = columns.group[where][kept]
        names = list(self._group_ids)
        for number in np.flatnonzero(np.bincount(groups)).tolist():
            self.tally.note_arrivals(names[number], bins[kept][groups == number])

    def _repeated(self, columns: Columns, able: IntArray) -> list[tuple[Reason, BoolArray]]:
        """Return which of the lines `able` repeat earlier ones, by the reason that is given for it."""
        if self._rules.counting:
            return []
        repeat, who, person = columns.repeat[able], columns.who[able], columns.person[able]
        at, refused = columns.at[able], columns.refused[able]
        known = np.zeros(len(able), dtype=np.bool_)
        visits = (repeat == Repeat.VISIT) & (who != 0)
        known[visits] = self._visits.repeats(who[visits])
        people = (repeat == Repeat.VISIT) & (person != 0) & ~known
        known[people] = self._people.repeats(
            person[people], at[people], np.where(refused[people], self._rules.refusal_window, 0.0)
        )
        windows = self._windows(repeat, refused)
        clients = (repeat == Repeat.CLIENT) | (repeat == Repeat.REQUEST)
        again = np.zeros(len(able), dtype=np.bool_)
        again[clients] = self._clients.repeats(who[clients], at[clients], windows[clients])
        retries = again & (repeat == Repeat.REQUEST)
        return [(Reason.SAME_VISIT, known | (again & ~retries)), (Reason.RETRY, retries)]

    def _windows(self, repeat: IntArray, refused: BoolArray) -> FloatArray:
        usual = np.where(repeat == Repeat.CLIENT, self._rules.visit_gap, self._rules.retry_window)
        return np.where(refused, np.maximum(usual, self._rules.refusal_window), usual)

    def _recall(self, columns: Columns) -> None:
        timed = np.flatnonzero(~np.isnan(columns.at))
        self._repeated(columns, timed[columns.verdict[timed] == KEPT])

    def result(self) -> Ingested:
        """Return the series over all logs; InputError where no line could be read."""
        quality = self.quality
        names = ", ".join(quality.files)
        if not quality.read:
            raise InputError(f"{names}: the log is empty; give a log with requests in it")
        if not self.tally.lines:
            raise InputError(
                f"{names}: none of {quality.read} lines could be read; "
                "expected the Common or Combined form, HAProxy's, JSON lines with a time and a path, or what "
                "--log-format describes"
            )
        if not quality.kept:
            reason, count = quality.dropped.most_common(1)[0]
            raise InputError(
                f"{names}: none of {quality.read} lines is an arrival; {count} were dropped as "
                f"{reason}; see the options of ingest that say what to keep"
            )
        gaps = self.tally.gaps()
        groups = self.tally.series(gaps)
        first = next(iter(groups.values()))
        total = Series(start=first.start, step=first.step, values=np.sum([s.values for s in groups.values()], axis=0))
        return Ingested(series=total, groups=groups, quality=quality, gaps=gaps)


def _line(columns: Columns, index: int) -> _Line:
    return _Line(
        at=float(columns.at[index]), verdict=int(columns.verdict[index]), repeat=int(columns.repeat[index]),
        who=int(columns.who[index]), person=int(columns.person[index]), refused=bool(columns.refused[index]),
        group=int(columns.group[index]), sample=columns.suspects.get(index),
    )  # fmt: skip

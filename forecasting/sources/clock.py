"""A guard against clocks that jump: one stray line must not stretch a log over decades.

A line is on the timeline if it is at most an hour behind and a week ahead of the line before it. Lines off
the timeline wait. If `CONFIRM` of them in a row agree with each other, the clock did step (or the log has
a hole), and they start a new timeline; if the old timeline goes on, they were strays and are rejected.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from forecasting.core.series import FloatArray
from forecasting.core.spans import DAY, HOUR

BACK = HOUR
AHEAD = 7 * DAY
CONFIRM = 20
HOLE = 400 * DAY
AT_ONCE = 4096

Line = TypeVar("Line")
Settled = tuple[list[Line], list[Line]]
"""Which lines are now accepted, and which rejected."""


@dataclass(slots=True)
class ClockGuard(Generic[Line]):
    """Holds back lines off the timeline, at most `CONFIRM` of them; one guard per file."""

    steps: int = 0
    _last: float | None = None
    _waiting: list[tuple[float, Line]] = field(default_factory=list)

    def follow(self, times: FloatArray) -> int:
        """Take the first of many lines, as long as they are on the timeline, and return how many; 0 while some wait."""
        if self._last is None or self._waiting or not len(times):
            return 0
        times = times[:AT_ONCE]
        latest = np.maximum(np.maximum.accumulate(times), self._last)
        steps = times - np.concatenate(([self._last], latest[:-1]))
        off = np.flatnonzero((steps < -BACK) | (steps > AHEAD))
        count = int(off[0]) if len(off) else len(times)
        if count:
            self._last = float(latest[count - 1])
        return count

    def push(self, at: float, line: Line) -> Settled[Line]:
        """Take the next line; return which lines are now accepted and which rejected."""
        if self._last is not None and _follows(self._last, at):
            self._last = max(self._last, at)
            return [line], self._reject()
        rejected: list[Line] = []
        if self._waiting and not _follows(self._waiting[-1][0], at):
            rejected = self._reject()
        self._waiting.append((at, line))
        if len(self._waiting) < CONFIRM:
            return [], rejected
        return self._adopt(), rejected

    def finish(self) -> Settled[Line]:
        """End the file; what waits is accepted if it follows after a hole, or if there was nothing else."""
        ahead = self._waiting and (self._last is None or 0 < self._waiting[0][0] - self._last < HOLE)
        if ahead and (self._last is None or len(self._waiting) > 1):
            return self._adopt(), []
        return [], self._reject()

    def _reject(self) -> list[Line]:
        rejected, self._waiting = self._waiting, []
        return [line for _, line in rejected]

    def _adopt(self) -> list[Line]:
        accepted, self._waiting = self._waiting, []
        if self._last is not None and accepted[0][0] < self._last:
            self.steps += 1
        self._last = max(at for at, _ in accepted)
        return [line for _, line in accepted]


def _follows(before: float, at: float) -> bool:
    return -BACK <= at - before <= AHEAD

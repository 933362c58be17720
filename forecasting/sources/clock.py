"""A guard against clocks that jump: one stray line must not stretch a log over decades.

A line is on the timeline if it is at most an hour behind and a week ahead of the line before it. Lines off
the timeline wait. If `CONFIRM` of them in a row agree with each other, the clock did step (or the log has
a hole), and they start a new timeline; if the old timeline goes on, they were strays and are rejected.
"""

from dataclasses import dataclass, field

from forecasting.core.spans import DAY, HOUR
from forecasting.sources.parsers import Event

BACK = HOUR
AHEAD = 7 * DAY
CONFIRM = 20
HOLE = 400 * DAY


@dataclass(slots=True)
class ClockGuard:
    """Holds back lines off the timeline, at most `CONFIRM` of them; one guard per file."""

    steps: int = 0
    _last: float | None = None
    _waiting: list[Event] = field(default_factory=list)

    def push(self, event: Event) -> tuple[list[Event], list[Event]]:
        """Take the next event; return which events are now accepted and which rejected."""
        if self._last is not None and _follows(self._last, event.at):
            self._last = max(self._last, event.at)
            rejected, self._waiting = self._waiting, []
            return [event], rejected
        rejected = []
        if self._waiting and not _follows(self._waiting[-1].at, event.at):
            rejected, self._waiting = self._waiting, []
        self._waiting.append(event)
        if len(self._waiting) < CONFIRM:
            return [], rejected
        return self._adopt(), rejected

    def finish(self) -> tuple[list[Event], list[Event]]:
        """End the file; what waits is accepted if it follows after a hole, or if there was nothing else."""
        ahead = self._waiting and (self._last is None or 0 < self._waiting[0].at - self._last < HOLE)
        if ahead and (self._last is None or len(self._waiting) > 1):
            return self._adopt(), []
        rejected, self._waiting = self._waiting, []
        return [], rejected

    def _adopt(self) -> list[Event]:
        accepted, self._waiting = self._waiting, []
        if self._last is not None and accepted[0].at < self._last:
            self.steps += 1
        self._last = max(event.at for event in accepted)
        return accepted


def _follows(before: float, at: float) -> bool:
    return -BACK <= at - before <= AHEAD

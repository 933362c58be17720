"""Visits that the backend has ended: their passes and tickets open nothing any more, also for who has kept them.

A pass is proved by its signature alone, so taking it back means remembering it: the visit's id until the last pass
of it has run out. Every gateway tells the others in its report which visits have just ended (`recent`), so all know
within a turn of the loop, as long as they reach the store. One that starts later does not know.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_ENDED = 200_000
TOLD = 1.0
"""Seconds for which an end stands in the reports: ten turns of the loop."""
MAX_TOLD = 500


@dataclass(slots=True)
class EndedVisits:
    """Remembers ended visits of one room, at most `most`; beyond that the oldest are forgotten."""

    most: int = MAX_ENDED
    _until: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _told: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._until)

    def end(self, visit: str, now: float, until: float) -> None:
        """The backend has ended a visit here; no pass of it holds longer than `until`."""
        self._told[visit] = now
        self.hear([visit], until)

    def hear(self, visits: Iterable[str], until: float) -> None:
        """Another gateway says that these have ended."""
        for visit in visits:
            if visit not in self._until:
                self._until[visit] = until
        while len(self._until) > self.most:
            self._until.popitem(last=False)

    def has(self, visit: str, now: float) -> bool:
        """Whether the visit has ended."""
        return self._until.get(visit, now) > now

    def recent(self, now: float) -> tuple[str, ...]:
        """Return what the others must be told now, the newest if there are too many, and forget what is over."""
        while self._told and (next(iter(self._told.values())) <= now - TOLD or len(self._told) > MAX_TOLD):
            self._told.popitem(last=False)
        for _ in range(1000):
            oldest = next(iter(self._until), None)
            if oldest is None or self._until[oldest] > now:
                break
            del self._until[oldest]
        return tuple(self._told)

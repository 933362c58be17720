"""Counts in total and per second of wall clock, within a bounded memory."""

from collections import Counter, deque

KEPT_SECONDS = 3600


class Counters:
    """Named counts; the per-second series keeps the last hour in which anything happened."""

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()
        self._seconds: deque[tuple[int, Counter[str]]] = deque(maxlen=KEPT_SECONDS)

    def count(self, name: str, now: float) -> None:
        """Add one to `name` in total and in the second of `now`."""
        self._totals[name] += 1
        second = int(now)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, Counter()))
        self._seconds[-1][1][name] += 1

    def total(self, name: str) -> int:
        """How often `name` was counted."""
        return self._totals[name]

    def series(self, name: str) -> list[tuple[int, int]]:
        """The seconds in which `name` was counted, oldest first, with their counts."""
        return [(second, counts[name]) for second, counts in self._seconds if counts[name]]

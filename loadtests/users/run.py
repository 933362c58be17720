"""What all visitors of one run share: their numbers, their habits, the tally, and the file of records."""

from dataclasses import dataclass, field
from random import Random
from typing import BinaryIO

from loadtests.records import Outcome, VisitRecord
from loadtests.users.habits import Habits
from loadtests.users.journey import Journey


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of a run as it goes."""

    started: int = 0
    waiting: int = 0
    requests: int = 0
    errors: int = 0
    reloads: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    @property
    def active(self) -> int:
        """Visits that have begun and not ended."""
        return self.started - sum(self.outcomes.values())


class Run:
    """Begins and ends visits; each visit gets a chance of its own, so that their order of events does not matter."""

    def __init__(self, *, habits: Habits, seed: int, records: BinaryIO | None = None) -> None:
        self.habits = habits
        self.tally = Tally()
        self._seed = seed
        self._records = records

    def begin(self, now: float) -> Journey:
        """The next visit, with the next number."""
        self.tally.started += 1
        number = self.tally.started
        return Journey(number, habits=self.habits, chance=Random(f"{self._seed}/{number}"), now=now)

    def end(self, record: VisitRecord) -> None:
        """Count a visit that is over, in whatever way, and keep its record."""
        self.tally.outcomes[record.outcome] += 1
        if self._records is not None:
            self._records.write(record.to_line())

    def flush(self) -> None:
        """Hand what was recorded to the system."""
        if self._records is not None:
            self._records.flush()

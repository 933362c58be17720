"""Known openings: instants at which a crowd is expected, such as the release of appointments at 07:30.

Who comes within `prequeue` before the opening waits in a pre-queue; at the opening one shuffle gives them their
order (`cohort`). Which instants a rule means depends on a calendar and its zone: the edge works them out.
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any, Literal

from gateway.core.units import Seconds

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_PREQUEUE = 12 * 3600.0
OPENING_POLLS = 1000.0
"""Visits per second that are asked to come back right after an opening, as far as `longest_poll` allows."""
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


class _AsWritten:
    """Teaches pydantic to keep a time or date that the YAML reader took for a number or a date of its own."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(str, handler(source))


Text = Annotated[str, _AsWritten()]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRule:
    """When a room opens: at a local time, every day, on some weekdays or on one date, after a pre-queue."""

    at: Text
    days: tuple[Day, ...] = EVERY_DAY
    date: Text = ""
    prequeue: Seconds = 900.0

    def __post_init__(self) -> None:
        if _TIME.fullmatch(self.at) is None:
            raise ValueError(f'at: expected "HH:MM" or "HH:MM:SS" in quotes, got {self.at!r}')
        if not self.days:
            raise ValueError("days: expected at least one of mon, tue, wed, thu, fri, sat, sun")
        if self.date and not _is_date(self.date):
            raise ValueError(f"date: expected YYYY-MM-DD, got {self.date!r}")
        if self.date and self.days != EVERY_DAY:
            raise ValueError("date: an opening has days or one date, not both")
        if not 1 <= self.prequeue <= LONGEST_PREQUEUE:
            raise ValueError("prequeue: expected 1s to 12h")

    @property
    def clock(self) -> tuple[int, int, int]:
        """Hour, minute and second of the local time."""
        found = _TIME.fullmatch(self.at)
        assert found is not None
        return int(found[1]), int(found[2]), int(found[3] or 0)


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) == 0:
        return False
    return 1 <= int(found[3]) <= monthrange(int(found[1]), int(found[2]))[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One instant, in whole seconds since 1970, and since when a pre-queue is kept for it."""

    opens_at: int
    begins_at: float


def prequeue_now(openings: Iterable[Opening], now: float) -> Opening | None:
    """Return the opening whose pre-queue is on at `now`: of several the one that comes first."""
    due = [opening for opening in openings if opening.begins_at <= now < opening.opens_at]
    return min(due, key=lambda opening: opening.opens_at, default=None)


def poll_around(left: float, crowd: int, longest: float, jitter: float) -> int:
    """Return whole seconds until a visit of the pre-queue should ask again, `left` seconds before the opening.

    Far from it a visit asks about every `longest` seconds, which keeps it present. The last of these times falls
    behind the opening, spread evenly over the time that a crowd of this size needs at `OPENING_POLLS` a second, at
    most `longest`: no second gets more requests than any other. `jitter` is in [0, 1).
    """
    if left > longest:
        return ceil(longest * (0.8 + 0.2 * jitter))
    return max(1, ceil(max(left, 0.0) + jitter * min(max(1.0, crowd / OPENING_POLLS), longest)))

"""What one visit leaves behind: a line of JSON that the report is made from."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import orjson


class Outcome(StrEnum):
    """How a visit ended; `left`: went by choice while waiting, `unfinished`: the run ended first."""

    BOOKED = "booked"
    GAVE_UP = "gave_up"
    FAILED = "failed"
    LEFT = "left"
    UNFINISHED = "unfinished"


@dataclass(slots=True, kw_only=True)
class VisitRecord:
    """The life of one visit; instants are wall clock in seconds, latencies milliseconds.

    `latencies_ms` holds each request that the portal behind any waiting room answered, and those that ran into
    the visitor's timeout, at the time they took; an immediate refusal is an error and no latency. `shown_low` and
    `shown_high` are the first wait that was promised, `realised` what it became.
    """

    visit: int
    start: float
    end: float = 0.0
    outcome: Outcome = Outcome.UNFINISHED
    errors: int = 0
    reloads: int = 0
    waits: int = 0
    waited: float | None = None
    shown_low: float | None = None
    shown_high: float | None = None
    realised: float | None = None
    waiting_after_admission: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def to_line(self) -> bytes:
        """One line of JSON, with its end of line."""
        return orjson.dumps(asdict(self), option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_line(cls, line: bytes) -> "VisitRecord":
        """The record a line was made from; raises ValueError for any other line."""
        try:
            fields: dict[str, Any] = orjson.loads(line)
            fields["outcome"] = Outcome(fields["outcome"])
            return cls(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a visit record: {error}") from None

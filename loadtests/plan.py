"""What a run of locust is told by its parent, and what it tells back: both as one line of JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from loadtests.users.habits import Habits


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakPlan:
    """One run: where, which curve, whose habits; visits that are still on their way may take `drain` seconds more."""

    target: str
    curve: str
    out: str
    seed: int = 1
    drain: float = 120.0
    habits: Habits = field(default_factory=Habits)
    html: str | None = None
    web: str | None = None

    def to_json(self) -> str:
        """The plan as one argument of a command line."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "PeakPlan":
        """The plan that `to_json` wrote."""
        fields: dict[str, Any] = orjson.loads(text)
        habits = fields.pop("habits")
        habits |= {name: tuple(habits[name]) for name in ("think", "reload")}
        return cls(habits=Habits(**habits), **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands; `seconds` since it began, `wall` the clock, counts in total, `last` on the final line."""

    seconds: float
    wall: float
    planned: float
    started: int
    active: int
    waiting: int
    booked: int
    gave_up: int
    failed: int
    left: int
    requests: int
    errors: int
    reloads: int
    cpu_seconds: float
    last: bool = False

    def to_line(self) -> str:
        """One line of JSON, without its end of line."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_line(cls, line: bytes | str) -> "Progress":
        """The progress that a line holds; raises ValueError for any other line."""
        try:
            return cls(**orjson.loads(line))
        except TypeError as error:
            raise ValueError(f"not a progress line: {error}") from None

"""What a limit of requests at one node is told and what it answers; the algorithms stand beside this file.

A limit is stepped once per window of requests and says how many may be at the node at once. The policy names the
algorithm: `gradient` and `aimd` learn, `fixed` stays at `initial`.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPolicy:
    """Algorithm, bounds and pace of the limit of each node; `remeasure` is in seconds, 0 for never."""

    algorithm: Literal["gradient", "aimd", "fixed"] = "gradient"
    initial: int = 10
    minimum: int = 2
    maximum: int = 1000
    tolerance: float = 1.5
    smoothing: float = 0.2
    backoff: float = 0.9
    remeasure: Seconds = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.initial <= self.maximum:
            raise ValueError("expected 1 <= minimum <= initial <= maximum")
        if not 1 <= self.tolerance <= 10:
            raise ValueError(f"tolerance must be in 1..10, got {self.tolerance}")
        if not 0 < self.smoothing <= 1:
            raise ValueError(f"smoothing must be in 0..1, got {self.smoothing}")
        if not 0.5 <= self.backoff < 1:
            raise ValueError(f"backoff must be at least 0.5 and below 1, got {self.backoff}")
        if self.remeasure < 0:
            raise ValueError("remeasure must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window of requests at a node showed; `inflight` is the highest number seen at once."""

    answers: int
    failures: int
    slowdown: float
    inflight: float


class Limit(Protocol):
    """The limit of one node; invariant: minimum <= limit <= maximum of its policy."""

    limit: float

    def step(self, window: Window) -> float:
        """Learn from one window and return the new limit."""
        ...


@dataclass(slots=True)
class FixedLimit:
    """A limit that the operator knows: it stays at `initial`."""

    policy: LimitPolicy
    limit: float = 0.0

    def __post_init__(self) -> None:
        self.limit = float(self.policy.initial)

    def step(self, window: Window) -> float:
        """Return the limit; windows teach it nothing."""
        return self.limit

"""The adaptive concurrency limit of one node, learned from how much slower it answers than when idle.

After Netflix' concurrency-limits (Gradient2) and Envoy's gradient controller, with the slowdown s of a window
(`slowdown.py`) in the place of a ratio of two latencies:

    gradient = clamp(tolerance / s, 0.5, 1)
    limit'   = (1 - smoothing) x limit + smoothing x (gradient x limit + sqrt(limit))

so the limit settles where the node's own queue costs `tolerance` of its unloaded latency plus a few requests
to probe with. Windows in which less than half of the limit was used do not move it.

Invariants: minimum <= limit <= maximum; a window with failures never raises the limit.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPolicy:
    """Bounds and pace of an adaptive limit; `fixed` switches learning off."""

    initial: int = 10
    minimum: int = 2
    maximum: int = 1000
    tolerance: float = 1.5
    smoothing: float = 0.2
    fixed: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.initial <= self.maximum:
            raise ValueError("expected 1 <= minimum <= initial <= maximum")
        if not 1 <= self.tolerance <= 10:
            raise ValueError(f"tolerance must be in 1..10, got {self.tolerance}")
        if not 0 < self.smoothing <= 1:
            raise ValueError(f"smoothing must be in 0..1, got {self.smoothing}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one window of requests at a node showed; `inflight` is the highest number seen at once."""

    answers: int
    failures: int
    slowdown: float
    inflight: int


@dataclass(slots=True)
class GradientLimit:
    """Owns one node's limit; `step` is called once per window."""

    policy: LimitPolicy
    limit: float = 0.0

    def __post_init__(self) -> None:
        self.limit = self.limit or float(self.policy.initial)

    def step(self, window: Window) -> float:
        """Learn from one window and return the new limit."""
        policy = self.policy
        if policy.fixed or window.answers + window.failures == 0:
            return self.limit
        if window.failures > window.answers:
            return self._bounded(self.limit * 0.9)
        gradient = min(1.0, max(0.5, policy.tolerance / window.slowdown))
        if window.inflight < self.limit / 2 and gradient == 1.0:
            return self.limit
        growth = 0.0 if window.failures else self.limit**0.5
        wanted = gradient * self.limit + growth
        return self._bounded((1 - policy.smoothing) * self.limit + policy.smoothing * wanted)

    def _bounded(self, limit: float) -> float:
        self.limit = min(max(limit, float(self.policy.minimum)), float(self.policy.maximum))
        return self.limit

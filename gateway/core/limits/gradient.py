"""The adaptive concurrency limit of one node, learned from latency alone.

After Netflix' concurrency-limits (Gradient2) and Envoy's gradient controller: with `base` the latency of
the unloaded node and `recent` that of the last window,

    gradient = clamp(tolerance x base / recent, 0.5, 1)
    limit'   = (1 - smoothing) x limit + smoothing x (gradient x limit + sqrt(limit))

so the limit settles where the node's own queue costs `tolerance` of its unloaded latency plus a few requests
to probe with. The base falls at once to a faster window and rises slowly, and only while the node is less than
half used: under load a rising latency is a queue, not a slower node. Windows without use do not move the limit.

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
class LatencyWindow:
    """What one window of requests at a node showed; latencies in seconds, `inflight` the highest seen."""

    answers: int
    failures: int
    mean_latency: float
    inflight: int


@dataclass(slots=True)
class GradientLimit:
    """Owns one node's limit; `step` is called once per window."""

    policy: LimitPolicy
    limit: float = 0.0
    base: float = 0.0

    def __post_init__(self) -> None:
        self.limit = self.limit or float(self.policy.initial)

    def step(self, window: LatencyWindow) -> float:
        """Learn from one window and return the new limit."""
        policy = self.policy
        if policy.fixed or window.answers + window.failures == 0:
            return self.limit
        if window.failures > window.answers:
            return self._bounded(self.limit * 0.9)
        self._learn_base(window)
        if window.inflight < self.limit / 2:
            return self.limit
        gradient = min(1.0, max(0.5, policy.tolerance * self.base / max(window.mean_latency, 1e-6)))
        growth = 0.0 if window.failures else self.limit**0.5
        wanted = gradient * self.limit + growth
        return self._bounded((1 - policy.smoothing) * self.limit + policy.smoothing * wanted)

    def _learn_base(self, window: LatencyWindow) -> None:
        if self.base == 0.0 or window.mean_latency < self.base:
            self.base = max(window.mean_latency, 1e-6)
        elif window.inflight < self.limit / 2:
            self.base += 0.05 * (window.mean_latency - self.base)

    def _bounded(self, limit: float) -> float:
        self.limit = min(max(limit, float(self.policy.minimum)), float(self.policy.maximum))
        return self.limit

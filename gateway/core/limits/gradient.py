"""The adaptive concurrency limit of one node, learned from how much slower it answers than when idle.

After Netflix' concurrency-limits (Gradient2) and Envoy's gradient controller, with the slowdown s of a window
(`slowdown.py`) in the place of a ratio of two latencies:

    gradient = clamp(tolerance / s, 0.5, 1)
    limit'   = (1 - smoothing) x limit + smoothing x (gradient x limit + sqrt(limit))

so the limit settles where the node's own queue costs `tolerance` of its unloaded latency plus a few requests to
probe with. Windows in which less than half of the limit was used do not move it.

Invariants: minimum <= limit <= maximum; a window with failures never raises the limit.
"""

from dataclasses import dataclass

from gateway.core.limits.policy import LimitPolicy, Window


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
        if window.answers + window.failures == 0:
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

"""Additive increase, multiplicative decrease: one more after a good window, nine tenths after a bad one.

The rule of congestion control in TCP (Chiu and Jain 1989), as Netflix' concurrency-limits has it. A window is bad
when the node failed in it or was slower than `tolerance` times its unloaded latency. It needs no model of the node,
and moves more coarsely than the gradient: it swings between `backoff` and 1 of what the node takes.

Invariant: minimum <= limit <= maximum.
"""

from dataclasses import dataclass

from gateway.core.limits.policy import LimitPolicy, Window


@dataclass(slots=True)
class AimdLimit:
    """Owns one node's limit; `step` is called once per window."""

    policy: LimitPolicy
    limit: float = 0.0

    def __post_init__(self) -> None:
        self.limit = self.limit or float(self.policy.initial)

    def step(self, window: Window) -> float:
        """Learn from one window and return the new limit."""
        if window.answers + window.failures == 0:
            return self.limit
        limit = self.limit
        if window.failures or window.slowdown > self.policy.tolerance:
            limit *= self.policy.backoff
        elif 2 * window.inflight >= limit:
            limit += 1.0
        self.limit = min(max(limit, float(self.policy.minimum)), float(self.policy.maximum))
        return self.limit

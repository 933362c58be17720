"""Pacing: turns a rate into whole calls per tick without drifting by a whole call.

A bucket fills with `rate x elapsed` and is emptied by whole calls, so the sum of calls never differs from
the integral of the rate by one or more. What nobody was there to take is kept as credit for visits that
arrive before the next tick, at most `burst` seconds of it or `LEAST` calls: after a pause there is no flood, and a
quiet room does not turn the second visitor of a second away.
"""

from dataclasses import dataclass

LEAST = 3.0


@dataclass(slots=True)
class Pacer:
    """Owns the bucket; `step` is called once a tick with the time since the last one."""

    burst: float = 1.0
    level: float = 0.0

    def step(self, rate: float, elapsed: float) -> int:
        """Return how many calls are due; they stay due until `spend`. At a rate of 0 none is."""
        if rate <= 0:
            return 0
        elapsed = min(max(elapsed, 0.0), self.burst)
        cap = max(LEAST, 1.0 + rate * self.burst)
        self.level = min(self.level + rate * elapsed, cap)
        return int(self.level + 1e-9)

    def spend(self, count: float) -> None:
        """Take `count` calls out of the bucket."""
        assert count <= self.level + 1e-6, f"spent {count} of {self.level}"
        self.level = max(0.0, self.level - count)

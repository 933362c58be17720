"""When a node's unloaded latency is measured anew.

The base of the slowdown is only as good as the last moment in which the node was little used. A node that became
slower for good while it was full would look crowded for ever, and keep too low a limit. So once in `every` seconds
without such a moment, or early after `EARLY` windows in which it was far slower than is tolerated, the node gets
only a part of its limit for two windows: one in which what was there before leaves, and one that is measured. A
limit that is right lies at `tolerance` times the knee and a root above it, so that 0.75 / tolerance of it is below
the knee: nothing waits inside the node. (Envoy's gradient controller goes down to its minimum for that; this costs
half of two windows a minute.)
"""

from dataclasses import dataclass
from enum import Enum

from gateway.core.units import Seconds

EARLY = 15


class Phase(Enum):
    """What the next window is for."""

    NORMAL = "normal"
    SETTLING = "settling"
    MEASURING = "measuring"


_NORMAL = Phase.NORMAL
"""Looking a member up in its class costs more than the rest of `share`."""


@dataclass(slots=True)
class Remeasure:
    """Owns the phase of one node; times are seconds of the caller's steady clock."""

    every: Seconds
    tolerance: float
    phase: Phase = Phase.NORMAL
    _slow: int = 0
    _known_at: float | None = None

    @property
    def share(self) -> float:
        """The part of the limit that may be used now."""
        return 1.0 if self.phase is _NORMAL else min(0.5, 0.75 / self.tolerance)

    def close(self, now: float, *, idle: bool, too_slow: bool) -> Phase:
        """End a window and return the phase it was in; `idle`: the node was little used, its base is known."""
        ended = self.phase
        if self._known_at is None or idle or ended is Phase.MEASURING:
            self._known_at, self._slow = now, 0
        self._slow = self._slow + 1 if too_slow and not idle else 0
        match ended:
            case Phase.SETTLING:
                self.phase = Phase.MEASURING
            case Phase.MEASURING:
                self.phase = Phase.NORMAL
            case Phase.NORMAL:
                due = self.every > 0 and (now - self._known_at >= self.every or self._slow >= EARLY)
                self.phase = Phase.SETTLING if due else Phase.NORMAL
        return ended

"""No-shows: the smoothed share of calls that nobody claims, and the calls that make up for it.

To get `wanted` claimed arrivals at a no-show share p, call `wanted / (1 - p)`. The share is smoothed
exponentially over ended calls and bounded by `ceiling`, so that a broken client cannot open the flood gate.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class NoShow:
    """Learns the share from the growing counters of a room."""

    memory: float = 200.0
    ceiling: float = 0.5
    share: float = 0.0
    _claims: int = 0
    _no_shows: int = 0

    def observe(self, claims: int, no_shows: int) -> float:
        """Take the room's counters and return the smoothed share; falling counters mean a new epoch."""
        claimed, missed = claims - self._claims, no_shows - self._no_shows
        self._claims, self._no_shows = claims, no_shows
        ended = claimed + missed
        if claimed >= 0 and missed >= 0 and ended > 0:
            weight = min(1.0, ended / self.memory)
            self.share += weight * (missed / ended - self.share)
        return self.share

    def calls_for(self, wanted: float) -> float:
        """Return the calls that bring `wanted` arrivals."""
        return wanted / (1.0 - min(self.share, self.ceiling))

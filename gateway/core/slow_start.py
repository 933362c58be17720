"""Slow start: a node that has come back gets a part of its limit that grows to the whole in a straight line.

A process that has just started has cold caches and no connections; a full share at once would make it look dead
again. Not applied when the gateway itself starts: then every node is new, and holding all back would be an outage.
"""

from dataclasses import dataclass

from gateway.core.units import Seconds

FIRST = 0.2
"""Part of its limit that a node gets at the moment it comes back."""


@dataclass(slots=True)
class SlowStart:
    """Owns one node's ramp; `seconds` of 0 switches it off. Times are seconds of the caller's steady clock."""

    seconds: Seconds
    _since: float | None = None

    def begin(self, now: float) -> None:
        """The node has come back."""
        self._since = now

    @property
    def goes_on(self) -> bool:
        """Whether less than all of the limit may be used."""
        return self._since is not None

    def share(self, now: float) -> float:
        """Return the part of its limit that the node may use, FIRST..1."""
        if self._since is None:
            return 1.0
        if now - self._since >= self.seconds:
            self._since = None
            return 1.0
        return max(FIRST, (now - self._since) / self.seconds)

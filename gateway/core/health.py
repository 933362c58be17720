"""A node's health from active checks: `rise` good checks bring it up, `fall` bad ones take it down."""

from dataclasses import dataclass

from gateway.core.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPolicy:
    """What is asked of a node, how often, and how many answers decide."""

    path: str = "/healthz"
    interval: Seconds = 1.0
    timeout: Seconds = 1.0
    rise: int = 2
    fall: int = 3

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path must start with '/', got {self.path!r}")
        if self.interval <= 0 or self.timeout <= 0:
            raise ValueError("interval and timeout must be above 0s")
        if self.rise < 1 or self.fall < 1:
            raise ValueError("rise and fall must be at least 1")


@dataclass(slots=True)
class Health:
    """Counts checks in a row; a node starts up, so that a start of the gateway is not an outage."""

    policy: HealthPolicy
    up: bool = True
    _against: int = 0

    def note(self, good: bool) -> bool:
        """Take one check's result and return whether the node is up."""
        if good == self.up:
            self._against = 0
            return self.up
        self._against += 1
        if self._against >= (self.policy.fall if self.up else self.policy.rise):
            self.up = good
            self._against = 0
        return self.up

"""What is learned of a pool and its visits as a closed loop: how many visits keep the nodes just busy.

A visit either has a request open or its person thinks. In a loop of N visits with X requests open, L requests
served a second and Z seconds of thought for each of them, N - X = L x Z (Little's law for those who think). So the
visits that have X* open at the most that the pool serves, M, are

    N* = X* + M x Z

L, N and X are counted, averaged over the same second or so. Z belongs to the visits and is learned slowly, over
about one visit. M is what is served while the nodes are full; it falls and rises with the nodes within two seconds.
While the nodes have too little to do although the visits are there, M is thought to grow, by at most `GROWTH` a
second, until they are full again.
"""

from dataclasses import dataclass

from gateway.core.units import Seconds

OPEN_SMOOTH = 0.8
"""Seconds over which pools average their open requests, and the visits inside are averaged here."""
SERVED_SMOOTH = 1.5
"""Seconds over which the requests served are averaged."""
GROWTH = 0.6
"""Part by which the most is thought to grow a second while the nodes have nothing to do."""


@dataclass(slots=True)
class PoolModel:
    """Owns the estimates of one pool; visits and requests are of the whole pool, rates a second."""

    inside: float = 0.0
    served: float = 0.0
    most: float = 0.0
    thought: Seconds = 0.0
    _seen: bool = False

    def observe(self, inside: float, open_now: float, served: float, visit: Seconds, elapsed: Seconds) -> None:
        """Take one reading; `visit` is the duration of a visit."""
        if not self._seen:
            self.inside, self._seen = inside, True
        self.inside += min(1.0, elapsed / OPEN_SMOOTH) * (inside - self.inside)
        self.served += min(1.0, elapsed / SERVED_SMOOTH) * (served - self.served)
        if self.served >= 1.0:
            thought = max(0.0, self.inside - open_now) / self.served
            weight = min(1.0, elapsed / min(max(visit, 3.0), 30.0)) if self.thought else 1.0
            self.thought += weight * (thought - self.thought)

    def learn_most(self, elapsed: Seconds, *, full: bool, starved: float) -> None:
        """Follow the most that is served while the nodes are `full`.

        `starved`, 0..1, is how far they are from that although the visits are there.
        """
        if full:
            self.most += min(1.0, elapsed / SERVED_SMOOTH) * (self.served - self.most) if self.most else self.served
        elif self.most:
            self.most = max(self.most, self.served) * (1 + GROWTH * elapsed * starved)

    def fitting(self, wanted: float) -> float | None:
        """Return the visits with which `wanted` requests are open, or None before the nodes were ever full."""
        return wanted + self.most * self.thought if self.most and self.thought else None

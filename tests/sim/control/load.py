"""The nodes of one pool as a fluid: requests open, served, and how slow that is; visits are whole."""

from collections import deque
from dataclasses import dataclass, field

from gateway.core.pool_policy import PoolPolicy
from gateway.core.reports import PoolReading
from gateway.proxy.node import Node
from gateway.proxy.pool import SMOOTHING

KIND = "GET /"
PIECES = 4


@dataclass(slots=True)
class Share:
    """What one gateway has at a pool: its visits inside, their open requests, its own learned limit."""

    node: Node = field(default_factory=lambda: Node.build("http://node", PoolPolicy()))
    visits: deque[str] = field(default_factory=deque)
    open: float = 0.0
    ended: float = 0.0
    answers: float = 0.0
    inflight: float = 0.0
    queued: float = 0.0

    @property
    def at_nodes(self) -> float:
        """Requests that the limit lets through to the nodes."""
        return min(self.open, float(int(self.node.room(0.0))))


@dataclass(slots=True)
class PoolLoad:
    """One pool that all gateways use; capacity in workers, `slow` multiplies every service."""

    service: float
    think: float
    requests: int
    workers: float
    whole: float
    shares: dict[str, Share]
    slow: float = 1.0

    def step(self, elapsed: float, now: float) -> dict[str, list[str]]:
        """Let time pass, in pieces shorter than a service; returns the visits that ended, by gateway."""
        over: dict[str, list[str]] = {name: [] for name in self.shares}
        for _ in range(PIECES):
            for name, ended in self._flow(elapsed / PIECES, now).items():
                over[name] += ended
        for share in self.shares.values():
            self._close(share, now)
        return over

    def _flow(self, elapsed: float, now: float) -> dict[str, list[str]]:
        there = sum(share.at_nodes for share in self.shares.values())
        over = {}
        for name, share in self.shares.items():
            asked = max(0.0, len(share.visits) - share.open) * min(1.0, elapsed / self.think)
            served, latency = 0.0, 0.0
            if self.workers and there:
                latency = self.service * self.slow * max(1.0, there / self.workers)
                served = min(share.open, share.at_nodes / latency * elapsed)
            share.open = max(0.0, min(share.open + asked - served, float(len(share.visits))))
            self._measure(share, served, latency, now)
            share.ended += served / self.requests
            over[name] = []
            while share.ended >= 1 and share.visits:
                share.ended -= 1
                over[name].append(share.visits.popleft())
        return over

    def _measure(self, share: Share, served: float, latency: float, now: float) -> None:
        node, there = share.node, share.at_nodes
        node.inflight = there
        node.begin(0.0)
        share.answers += served
        for _ in range(int(share.answers)):
            node.end(KIND, 0.0, latency, now)
        share.answers -= int(share.answers)

    def _close(self, share: Share, now: float) -> None:
        """At the end of a tick: the limit learns, and what is open is averaged, as the pools do it."""
        share.node.learn(now)
        weight = 1 - (1 - SMOOTHING) ** 2
        share.inflight += weight * (share.at_nodes - share.inflight)
        share.queued += weight * (share.open - share.at_nodes - share.queued)

    def reading(self, gateway: str) -> PoolReading:
        """Return what a gateway reports of the pool."""
        share = self.shares[gateway]
        return PoolReading(
            inflight=share.inflight,
            queued=max(0.0, share.queued),
            limit=float(int(share.node.limit.limit)) if self.workers else 0.0,
            queue_wait=max(0.0, share.queued) / max(share.node.requests_per_s, 1.0),
            healthy=self.workers > 0,
            requests_per_s=share.node.requests_per_s,
            missing=1 - min(1.0, self.workers / self.whole),
            slowdown=share.node.slowdown.last,
        )

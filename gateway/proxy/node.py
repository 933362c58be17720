"""One node of a pool: its learned limit, its health, and what the current window of requests has shown."""

from dataclasses import dataclass, field

from gateway.core.health import Health
from gateway.core.limits.choice import make_limit
from gateway.core.limits.policy import Limit, Window
from gateway.core.limits.remeasure import Phase, Remeasure
from gateway.core.limits.slowdown import Slowdown
from gateway.core.pool_policy import PoolPolicy
from gateway.core.slow_start import SlowStart
from gateway.wire.errors import NodeBroke
from gateway.wire.node_connection import NodeConnection

MIN_SAMPLES = 20


@dataclass(slots=True)
class _Counts:
    answers: int = 0
    failures: int = 0


@dataclass(slots=True)
class Node:
    """Owns one node's state; requests are counted by their cost, times are seconds of a steady clock."""

    url: str
    limit: Limit
    health: Health
    slow_start: SlowStart
    remeasure: Remeasure
    weight: float = 1.0
    slowdown: Slowdown = field(default_factory=Slowdown)
    draining: bool = False
    ejected: bool = False
    inflight: float = 0.0
    requests_per_s: float = 0.0
    errors_per_s: float = 0.0
    latency: float = 0.0
    asking: set[NodeConnection] = field(default_factory=set)
    """The connections whose wait for an answer is given up when the node turns out to be dead."""
    window: _Counts = field(default_factory=_Counts)
    _second: _Counts = field(default_factory=_Counts)
    _second_at: float = 0.0
    _latency_sum: float = 0.0
    _peak: float = 0.0
    _measured_from: float = 0.0

    @classmethod
    def build(cls, url: str, policy: PoolPolicy, weight: float = 1.0) -> "Node":
        """Return a fresh node, which counts as up."""
        return cls(
            url=url,
            limit=make_limit(policy.limit),
            health=Health(policy.health),
            slow_start=SlowStart(policy.slow_start),
            remeasure=Remeasure(
                0.0 if policy.limit.algorithm == "fixed" else policy.limit.remeasure, policy.limit.tolerance
            ),
            weight=weight,
        )

    @property
    def usable(self) -> bool:
        """Whether it may get new requests, were it not ejected."""
        return self.health.up and not self.draining

    @property
    def state(self) -> str:
        """The state as operators see it."""
        if self.draining:
            return "draining"
        if not self.health.up:
            return "down"
        return "ejected" if self.ejected else "up"

    def room(self, now: float) -> float:
        """Return the requests that it may have now: its limit, less what slow start and measuring hold back."""
        room = self.limit.limit * self.remeasure.share
        if self.slow_start.goes_on:
            room *= self.slow_start.share(now)
        return room if room > 1.0 else 1.0

    def fits(self, cost: float, room: float) -> bool:
        """Whether a request of this cost may go there, given its `room`; one larger than the whole limit goes alone."""
        return self.inflight == 0 or self.inflight + cost <= int(room)

    def begin(self, cost: float) -> None:
        """Count a request in."""
        self.inflight += cost
        if self.inflight > self._peak:
            self._peak = self.inflight

    def leave(self, cost: float) -> None:
        """Take back a request that was never sent."""
        self.inflight = max(0.0, self.inflight - cost)

    def end(self, kind: str, cost: float, latency: float | None, now: float) -> None:
        """Count a request out; a latency of None means that it failed."""
        self.leave(cost)
        if latency is None:
            self.window.failures += 1
            self._second.failures += 1
            return
        self._second.answers += 1
        if now - latency < self._measured_from:
            return  # it was there before the window began that measures the unloaded node
        self.window.answers += 1
        self._latency_sum += latency
        self.slowdown.note(kind, latency)

    def learn(self, now: float) -> None:
        """Close the window if it has enough samples."""
        elapsed = now - self._second_at
        if elapsed >= 1.0:
            self.requests_per_s = self._second.answers / elapsed
            self.errors_per_s = self._second.failures / elapsed
            self._second, self._second_at = _Counts(), now
        window = self.window
        if window.answers + window.failures < MIN_SAMPLES:
            return
        self.latency = self._latency_sum / max(window.answers, 1)
        phase, idle = self.remeasure.phase, self._peak < self.limit.limit / 2
        slowdown = self.slowdown.close(idle=idle, measured=phase is Phase.MEASURING)
        if phase is Phase.NORMAL:
            self.limit.step(
                Window(answers=window.answers, failures=window.failures, slowdown=slowdown, inflight=self._peak)
            )
        self.remeasure.close(now, idle=idle, too_slow=slowdown > 2 * self.remeasure.tolerance)
        if self.remeasure.phase is Phase.MEASURING:
            self._measured_from = now
        self.window, self._latency_sum, self._peak = _Counts(), 0.0, self.inflight

    def give_up(self) -> None:
        """End all waits for an answer of this node, because it is dead."""
        asking, self.asking = self.asking, set()
        for connection in asking:
            connection.give_up(NodeBroke(f"{self.url} is down"))

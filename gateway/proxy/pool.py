"""A pool of nodes: who gets the next request, and a short first-come queue in front of full nodes.

The queue belongs to the pool, not to a node, so no request waits at one node while another is free. It is bounded
in length and in time. Each node carries its own learned limit; `measure` closes a window and lets the limits learn.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.core.balancing.two_choices import NodeLoad, choose
from gateway.core.health import Health, HealthPolicy
from gateway.core.limits.gradient import GradientLimit, LimitPolicy, Window
from gateway.core.limits.slowdown import Slowdown
from gateway.core.reports import PoolReading
from gateway.errors import UpstreamFailed

MIN_SAMPLES = 20
SMOOTHING = 0.12
"""Weight of one reading of the open requests, ten a second."""


@dataclass(slots=True)
class Node:
    """One node: its learned limit, its health and what the current window has shown."""

    url: str
    limit: GradientLimit
    health: Health
    slowdown: Slowdown = field(default_factory=Slowdown)
    draining: bool = False
    inflight: int = 0
    answers: int = 0
    failures: int = 0
    latency_sum: float = 0.0
    peak: int = 0
    requests_per_s: float = 0.0
    errors_per_s: float = 0.0
    latency: float = 0.0
    _since: tuple[float, int, int] = (0.0, 0, 0)
    total_answers: int = 0
    total_failures: int = 0

    @property
    def usable(self) -> bool:
        """Whether new requests may go there."""
        return self.health.up and not self.draining

    @property
    def free(self) -> bool:
        """Whether one more request fits under the limit."""
        return self.usable and self.inflight < int(self.limit.limit)

    def begin(self) -> None:
        """Count a request in."""
        self.inflight += 1
        self.peak = max(self.peak, self.inflight)

    def end(self, kind: str, latency: float | None) -> None:
        """Count a request out; a latency of None means that it failed."""
        self.inflight -= 1
        if latency is None:
            self.failures += 1
            self.total_failures += 1
        else:
            self.answers += 1
            self.total_answers += 1
            self.latency_sum += latency
            self.slowdown.note(kind, latency)

    def learn(self, now: float) -> None:
        """Close the window if it has enough samples."""
        at, answers, failures = self._since
        if now - at >= 1.0:
            self.requests_per_s = (self.total_answers - answers) / (now - at)
            self.errors_per_s = (self.total_failures - failures) / (now - at)
            self._since = (now, self.total_answers, self.total_failures)
        if self.answers + self.failures < MIN_SAMPLES:
            return
        self.latency = self.latency_sum / max(self.answers, 1)
        slowdown = self.slowdown.close(idle=self.peak < self.limit.limit / 2)
        self.limit.step(Window(answers=self.answers, failures=self.failures, slowdown=slowdown, inflight=self.peak))
        self.answers = self.failures = 0
        self.latency_sum = 0.0
        self.peak = self.inflight


@dataclass(slots=True)
class _Waiter:
    future: "asyncio.Future[Node]"
    since: float


@dataclass(slots=True)
class Pool:
    """Owns its nodes and the queue in front of them; `chance` gives uniform numbers in [0, 1)."""

    name: str
    nodes: list[Node]
    max_queue: int
    clock: Callable[[], float]
    chance: Callable[[], float]
    _waiters: deque[_Waiter] = field(default_factory=deque)
    _wait: float = 0.0
    _inflight: float = 0.0
    _queued: float = 0.0

    @classmethod
    def build(
        cls,
        name: str,
        urls: tuple[str, ...],
        *,
        limit: LimitPolicy,
        health: HealthPolicy,
        max_queue: int,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> "Pool":
        """Return a pool with fresh nodes."""
        nodes = [Node(url=url, limit=GradientLimit(limit), health=Health(health)) for url in urls]
        return cls(name=name, nodes=nodes, max_queue=max_queue, clock=clock, chance=chance)

    async def acquire(self, timeout: float) -> Node:
        """Return a node with a place taken; raises UpstreamFailed when none comes free in time."""
        if not any(node.usable for node in self.nodes):
            raise UpstreamFailed("connect", f"no healthy node in pool {self.name}")
        if not self._waiters and (node := self._choose()) is not None:
            self._note_wait(0.0)
            node.begin()
            return node
        if len(self._waiters) >= self.max_queue:
            raise UpstreamFailed("overloaded", f"{self.max_queue} requests wait for pool {self.name}")
        waiter = _Waiter(asyncio.get_running_loop().create_future(), self.clock())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                return await waiter.future
        except BaseException as error:
            if not waiter.future.cancel() and not waiter.future.cancelled():
                waiter.future.result().inflight -= 1  # the place came in the moment of giving up
                self.wake()
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise UpstreamFailed("overloaded", f"waited {timeout:g} s for pool {self.name}") from None
            raise

    def release(self, node: Node, kind: str, latency: float | None) -> None:
        """Give the place back with the request's kind and latency, None for a failure."""
        node.end(kind, latency)
        self.wake()

    def wake(self) -> None:
        """Let waiting requests go to nodes that have room."""
        while self._waiters:
            if self._waiters[0].future.done():
                self._waiters.popleft()
                continue
            node = self._choose()
            if node is None:
                return
            waiter = self._waiters.popleft()
            self._note_wait(self.clock() - waiter.since)
            node.begin()
            waiter.future.set_result(node)

    def measure(self) -> None:
        """Close the window of every node and use what the limits have learned."""
        now = self.clock()
        for node in self.nodes:
            node.learn(now)
        inflight = sum(node.inflight for node in self.nodes if node.usable)
        self._inflight += SMOOTHING * (inflight - self._inflight)
        self._queued += SMOOTHING * (self.waiting - self._queued)
        if not self._waiters:
            self._wait *= 1 - SMOOTHING
        self.wake()

    def reading(self) -> PoolReading:
        """Return what admission needs to know of the pool."""
        usable = [node for node in self.nodes if node.usable]
        head = self.clock() - self._waiters[0].since if self._waiters else 0.0
        return PoolReading(
            inflight=self._inflight,
            queued=self._queued,
            limit=sum(node.limit.limit for node in usable),
            queue_wait=max(self._wait, head),
            healthy=bool(usable),
            requests_per_s=sum(node.requests_per_s for node in self.nodes),
        )

    def urls(self) -> list[str]:
        """Return the nodes."""
        return [node.url for node in self.nodes]

    def health_policy(self, url: str) -> HealthPolicy:
        """Return how a node is checked."""
        return self._node(url).health.policy

    def note_health(self, url: str, good: bool) -> bool | None:
        """Take one check's result; returns the new state when it has changed."""
        health = self._node(url).health
        before = health.up
        after = health.note(good)
        if after and not before:
            self.wake()
        return None if before == after else after

    def loads(self) -> list[tuple[str, int, float]]:
        """Return node, inflight and limit of every node."""
        return [(node.url, node.inflight, node.limit.limit) for node in self.nodes]

    def describe(self) -> list[dict[str, object]]:
        """Return the nodes as the admin API shows them."""
        return [
            {
                "url": node.url,
                "state": "draining" if node.draining else "up" if node.health.up else "down",
                "inflight": node.inflight,
                "limit": round(node.limit.limit, 1),
                "waiting": self.waiting,
                "latency_ms": round(node.latency * 1000, 1),
                "requests_per_s": round(node.requests_per_s, 1),
                "errors_per_s": round(node.errors_per_s, 1),
            }
            for node in self.nodes
        ]

    def _node(self, url: str) -> Node:
        return next(node for node in self.nodes if node.url == url)

    @property
    def waiting(self) -> int:
        """Requests in the queue in front of the nodes."""
        return sum(1 for waiter in self._waiters if not waiter.future.done())

    def _choose(self) -> Node | None:
        free = {node.url: node for node in self.nodes if node.free}
        loads = [NodeLoad(node=n.url, inflight=n.inflight, limit=n.limit.limit) for n in free.values()]
        url = choose(loads, self.chance(), self.chance())
        return None if url is None else free[url]

    def _note_wait(self, seconds: float) -> None:
        self._wait += 0.05 * (seconds - self._wait)

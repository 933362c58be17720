"""A pool of nodes: who gets the next request, and a short line in front of full nodes.

The line belongs to the pool, not to a node, so no request waits at one node while another is free. It is bounded in
length and in time (`core/waitline.py`). Each node carries its own learned limit; `measure` closes a window and lets
limits and outlier detection learn.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from gateway.core.balancing.rendezvous import ranked
from gateway.core.balancing.two_choices import choose
from gateway.core.health import HealthPolicy
from gateway.core.need import Need
from gateway.core.outliers import Outliers
from gateway.core.pool_policy import PoolPolicy
from gateway.core.reports import PoolReading
from gateway.core.retry_budget import RetryBudget
from gateway.core.waitline import Waitline
from gateway.errors import UpstreamFailed
from gateway.proxy.node import Node

ORDINARY = Need()
SMOOTHING = 0.12
"""Weight of one reading of the open requests, ten a second."""


@dataclass(slots=True, eq=False)
class _Waiter:
    future: "asyncio.Future[Node]"
    since: float
    need: Need
    avoid: Collection[str]


@dataclass(slots=True)
class Pool:
    """Owns its nodes and the line in front of them; `chance` gives uniform numbers in [0, 1)."""

    name: str
    nodes: list[Node]
    policy: PoolPolicy
    clock: Callable[[], float]
    chance: Callable[[], float]
    budget: RetryBudget = field(init=False)
    _line: Waitline[_Waiter] = field(init=False)
    _outliers: Outliers = field(init=False)
    _changed: dict[str, bool] = field(default_factory=dict)
    _wait: float = 0.0
    _inflight: float = 0.0
    _queued: float = 0.0

    def __post_init__(self) -> None:
        self.budget = RetryBudget(self.policy.retries)
        self._line = Waitline(self.policy.line)
        self._outliers = Outliers(self.policy.outliers)

    @classmethod
    def build(
        cls,
        name: str,
        urls: Iterable[str],
        policy: PoolPolicy,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        weights: Mapping[str, float] | None = None,
    ) -> "Pool":
        """Return a pool with fresh nodes; a node without a weight has 1."""
        nodes = [Node.build(url, policy, (weights or {}).get(url, 1.0)) for url in urls]
        return cls(name=name, nodes=nodes, policy=policy, clock=clock, chance=chance)

    async def acquire(self, timeout: float, need: Need | None = None, avoid: Collection[str] = ()) -> Node:
        """Return a node with a place taken; raises UpstreamFailed when none comes free in time.

        Nodes to `avoid` are taken only when no other is usable.
        """
        need, now = need or ORDINARY, self.clock()
        if (node := self.take_at_once(need, avoid)) is not None:
            return node
        if not self._usable():
            raise UpstreamFailed("connect", f"no healthy node in pool {self.name}")
        if self._line.refuses(need.priority, now, sheddable=need.sheddable, rate=self._rate(now)):
            raise UpstreamFailed("overloaded", f"{self.waiting} requests wait for pool {self.name}")
        if need.sheddable:
            timeout = min(timeout, 2 * self.policy.line.shed_after)
        return await self._wait_for_turn(timeout, _Waiter(asyncio.get_running_loop().create_future(), now, need, avoid))

    def take_at_once(self, need: Need, avoid: Collection[str] = ()) -> Node | None:
        """Return a node with a place taken if a request that has just come need not wait."""
        if self._line.length:
            return None
        now = self.clock()
        node = self._choose(need, avoid, now)
        if node is not None:
            self._line.arrived(need.priority, now)
            self._start(node, need, 0.0, now)
        return node

    def take(self, need: Need, avoid: Collection[str] = (), *, strictly: bool = False) -> Node | None:
        """Return a node with a place taken if one has room now and nobody waits; `strictly` none of those to avoid."""
        now = self.clock()
        node = None if self._line.length else self._choose(need, avoid, now)
        if node is None or (strictly and node.url in avoid):
            return None
        self._start(node, need, 0.0, now)
        return node

    def give_back(self, node: Node, need: Need) -> None:
        """Take back a request that was not sent after all."""
        node.leave(need.cost)
        self.wake()

    async def _wait_for_turn(self, timeout: float, waiter: _Waiter) -> Node:
        need = waiter.need
        self._line.arrived(need.priority, waiter.since)
        self._line.join(waiter, need.priority, waiter.since)
        try:
            async with asyncio.timeout(timeout):
                return await waiter.future
        except BaseException as error:
            if not waiter.future.cancel() and not waiter.future.cancelled():
                waiter.future.result().leave(need.cost)  # the place came in the moment of giving up
            self._line.leave(waiter, need.priority)
            self.wake()
            if isinstance(error, TimeoutError):
                raise UpstreamFailed("overloaded", f"waited {timeout:g} s for pool {self.name}") from None
            raise

    def release(self, node: Node, kind: str, latency: float | None, need: Need | None = None) -> None:
        """Give the place back with the request's kind and latency, None for a failure."""
        now = self.clock()
        node.end(kind, (need or ORDINARY).cost, latency, now)
        self._outliers.note(node.url, latency)
        if latency is None:
            self._look_for_outliers(now)  # at once: a node that fails fast draws the next requests
        self.wake()

    def wake(self) -> None:
        """Let waiting requests go to nodes that have room."""
        if not self._line.length:
            return
        now = self.clock()
        while (waiter := self._line.head()) is not None:
            if waiter.future.done():
                self._line.take()  # it has just given up
                continue
            node = self._choose(waiter.need, waiter.avoid, now)
            if node is None:
                return
            self._line.take()
            self._start(node, waiter.need, now - waiter.since, now)
            waiter.future.set_result(node)

    def measure(self) -> Mapping[str, bool]:
        """Close the window of every node; returns those that were ejected (False) or are back (True)."""
        now = self.clock()
        for node in self.nodes:
            node.learn(now)
        self._look_for_outliers(now)
        changed, self._changed = self._changed, {}
        inflight = sum(node.inflight for node in self.nodes if node.usable)
        self._inflight += SMOOTHING * (inflight - self._inflight)
        self._queued += SMOOTHING * (self.waiting - self._queued)
        if not self._line.length:
            self._wait *= 1 - SMOOTHING
        self.wake()
        return changed

    def _look_for_outliers(self, now: float) -> None:
        changed = self._outliers.step((node.url for node in self.nodes if node.usable), now)
        for url, back in changed.items():
            node = self._node(url)
            node.ejected = not back
            if back:
                node.slow_start.begin(now)
        self._changed.update(changed)

    def reading(self) -> PoolReading:
        """Return what admission needs to know of the pool."""
        usable, head = self._usable(), self._line.head()
        return PoolReading(
            inflight=self._inflight,
            queued=self._queued,
            limit=float(sum(int(node.limit.limit) for node in usable)),  # whole requests, or they are never all used
            queue_wait=max(self._wait, self.clock() - head.since if head is not None else 0.0),
            healthy=bool(usable),
            requests_per_s=sum(node.requests_per_s for node in self.nodes),
            slowdown=sum(node.slowdown.last for node in usable) / max(1, len(usable)),
            missing=1 - sum(node.weight for node in usable) / sum(node.weight for node in self.nodes),
        )

    def urls(self) -> list[str]:
        """Return the nodes."""
        return [node.url for node in self.nodes]

    def health_policy(self, url: str) -> HealthPolicy:
        """Return how a node is checked."""
        return self._node(url).health.policy

    def note_health(self, url: str, good: bool) -> bool | None:
        """Take one check's result; returns the new state when it has changed."""
        node, now = self._node(url), self.clock()
        before = node.health.up
        after = node.health.note(good)
        if before == after:
            return None
        if after:
            node.slow_start.begin(now)
            self.wake()
        else:
            node.give_up()
        return after

    def drain(self, url: str, draining: bool) -> bool:
        """Take a node out of choice or back in by command; False when it has been so already."""
        node = self._node(url)
        if node.draining == draining:
            return False
        node.draining = draining
        if not draining:
            node.slow_start.begin(self.clock())
            self.wake()
        return True

    def loads(self) -> list[tuple[str, float, float]]:
        """Return node, inflight and limit of every node."""
        return [(node.url, node.inflight, node.limit.limit) for node in self.nodes]

    def describe(self) -> list[dict[str, object]]:
        """Return the nodes as the admin API shows them."""
        return [
            {
                "url": node.url,
                "state": node.state,
                "inflight": round(node.inflight, 1),
                "limit": round(node.limit.limit, 1),
                "waiting": self.waiting,
                "latency_ms": round(node.latency * 1000, 1),
                "requests_per_s": round(node.requests_per_s, 1),
                "errors_per_s": round(node.errors_per_s, 1),
            }
            for node in self.nodes
        ]

    @property
    def waiting(self) -> int:
        """Requests in the line in front of the nodes."""
        return self._line.length

    def _node(self, url: str) -> Node:
        return next(node for node in self.nodes if node.url == url)

    def _usable(self) -> list[Node]:
        usable, ejected = [], 0
        for node in self.nodes:
            if node.health.up and not node.draining:
                usable.append(node)
                ejected += node.ejected
        if not ejected or self._outliers.panics(len(usable) - ejected, len(self.nodes)):
            return usable
        return [node for node in usable if not node.ejected]

    def _rate(self, now: float) -> float:
        """Requests/s that the nodes take by Little's law, limit over latency; inf until a latency is known."""
        return sum(node.room(now) / node.latency if node.latency else inf for node in self._usable())

    def _choose(self, need: Need, avoid: Collection[str], now: float) -> Node | None:
        if len(self.nodes) == 1 and not need.session:  # nothing to choose, and nobody to eject it in favour of
            node = self.nodes[0]
            return node if node.usable and node.fits(need.cost, node.room(now)) else None
        others = self._usable()
        if avoid:
            others = [node for node in others if node.url not in avoid] or others
        if need.session and others and (own := self._own(need, others, now)) is not None:
            return own
        free = []
        for node in others:
            room = node.room(now)
            if node.fits(need.cost, room):
                free.append((node, room))
        if len(free) <= 1:
            return free[0][0] if free else None
        loads = [node.inflight / (room * node.weight) for node, room in free]
        return free[choose(loads, self.chance(), self.chance())][0]

    def _own(self, need: Need, nodes: list[Node], now: float) -> Node | None:
        """Return the session's own node unless it has half as much again as its limit: moving loses the session."""
        first = ranked(need.session, {node.url: node.weight for node in nodes})[0]
        node = self._node(first)
        return node if node.inflight + need.cost <= 1.5 * node.room(now) + 1 else None

    def _start(self, node: Node, need: Need, waited: float, now: float) -> None:
        self._wait += 0.05 * (waited - self._wait)
        self._line.started.note(now)
        node.begin(need.cost)

"""Loops around the nodes: active health checks, and the windows in which limits learn."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

from gateway.ports import Measured
from gateway.telemetry.events import event
from gateway.telemetry.metrics import Metrics
from gateway.wire.connections import Tls

MEASURE_INTERVAL = 0.1


class Prober:
    """Asks every node of a pool for its health, each on its own, so that a slow one delays nobody.

    `proof(method, target)` gives the fields by which a node knows that the gateway asks, `tls(node)` how to speak TLS.
    """

    def __init__(
        self,
        pool: Measured,
        proof: Callable[[str, str], Mapping[str, str]] = lambda method, target: {},
        tls: Callable[[str], Tls | None] = lambda node: None,
    ) -> None:
        self._pool = pool
        self._proof = proof
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def check(self) -> None:
        """Ask all nodes once."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        await asyncio.gather(*(self._check(url) for url in self._pool.urls()))

    async def _check(self, url: str) -> None:
        assert self._session is not None
        policy = self._pool.health_policy(url)
        good = False
        try:
            timeout = aiohttp.ClientTimeout(total=policy.timeout)
            fields = self._proof("GET", policy.path)
            tls = self._tls(url)
            asked = self._session.get(
                url + policy.path,
                headers=fields,
                timeout=timeout,
                allow_redirects=False,
                ssl=tls.context if tls else True,
                server_hostname=(tls.name or None) if tls else None,
            )
            async with asked as answer:
                good = answer.status < 400
        except (aiohttp.ClientError, OSError, TimeoutError):
            good = False
        changed = self._pool.note_health(url, good)
        if changed is not None:
            event("node_up" if changed else "node_down", pool=self._pool.name, node=url)

    async def close(self) -> None:
        """Close the client."""
        if self._session is not None:
            await self._session.close()


def note_nodes(pools: Mapping[str, Measured], metrics: Metrics) -> None:
    """Close the measuring window of every pool and publish inflight and limits."""
    for pool in pools.values():
        for url, back in pool.measure().items():
            event("node_returned" if back else "node_ejected", pool=pool.name, node=url)
        for url, inflight, limit in pool.loads():
            metrics.inflight.labels(pool.name, url).set(inflight)
            metrics.limit.labels(pool.name, url).set(limit)

"""A simulated node: a fixed number of workers behind one backlog, slower the longer the backlog is."""

import asyncio
from collections import deque
from random import Random

from gateway.errors import UpstreamFailed
from loadtests.backend.service import ServiceModel


class SimNode:
    """Serves requests on the running loop's time; can lose workers, die and come back."""

    def __init__(self, model: ServiceModel, chance: Random) -> None:
        self.model = model
        self.workers = model.workers
        self.up = True
        self.busy = 0
        self.worked = 0.0
        self._chance = chance
        self._first_at: float | None = None
        self._backlog: deque[tuple[asyncio.Future[None], float]] = deque()
        self._serving: set[asyncio.Future[None]] = set()

    async def serve(self, weight: float) -> None:
        """Return when the answer is there; raises UpstreamFailed when the node is or goes down."""
        if not self.up:
            raise UpstreamFailed("connect", "the node is down")
        loop = asyncio.get_running_loop()
        if self._first_at is None:
            self._first_at = loop.time()
        done: asyncio.Future[None] = loop.create_future()
        self._backlog.append((done, weight))
        self._start()
        await done

    def resize(self, workers: int) -> None:
        """Change the number of workers; none at all means that the node dies with all it had."""
        self.workers, self.up = workers, workers > 0
        if self.up:
            self._start()
            return
        waiting = [done for done, _ in self._backlog]
        self._backlog.clear()
        for done in [*waiting, *self._serving]:
            if not done.done():
                done.set_exception(UpstreamFailed("read", "the node died"))

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        while self._backlog and self.busy < self.workers:
            done, weight = self._backlog.popleft()
            since = loop.time() - (self._first_at or 0.0)
            seconds = self.model.duration(weight, waiting=len(self._backlog), since_first=since)
            seconds *= 0.7 + 0.6 * self._chance.random()
            self.busy += 1
            self.worked += seconds
            self._serving.add(done)
            loop.call_later(seconds, self._finish, done)

    def _finish(self, done: asyncio.Future[None]) -> None:
        self.busy -= 1
        self._serving.discard(done)
        if not done.done():
            done.set_result(None)
        if self.up:
            self._start()

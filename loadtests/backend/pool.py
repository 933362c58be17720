"""The service model in real time: one timer, one future per request, and work that outlives its visitor."""

import asyncio

from loadtests.backend.service import ServiceModel, ServicePool


class BacklogFull(Exception):
    """The request was not taken in."""


class LivePool:
    """Serves requests on the running event loop; a request once taken in is always served to the end."""

    def __init__(self, model: ServiceModel) -> None:
        self._pool = ServicePool(model)
        self._futures: dict[int, asyncio.Future[None]] = {}
        self._timer: asyncio.Handle | None = None
        self._due = 0.0

    @property
    def model(self) -> ServiceModel:
        """The size and temper this pool was built with."""
        return self._pool.model

    @property
    def waiting(self) -> int:
        """Requests in the backlog."""
        return self._pool.waiting

    @property
    def inflight(self) -> int:
        """Requests that hold a worker."""
        return self._pool.inflight

    async def serve(self, weight: float) -> None:
        """Return when the request has been served; raises BacklogFull at once when there is no room."""
        loop = asyncio.get_running_loop()
        number = self._pool.offer(loop.time(), weight)
        if number is None:
            raise BacklogFull
        future = self._futures[number] = loop.create_future()
        self._wind()
        await future

    def close(self) -> None:
        """Stop the timer and let go of every request that is still waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for future in self._futures.values():
            if not future.done():
                future.set_exception(BacklogFull())
        self._futures.clear()

    def _wind(self) -> None:
        due = self._pool.next_finish()
        if self._timer is not None:
            if due is not None and self._due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._due = due
            self._timer = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        for served in self._pool.advance(asyncio.get_running_loop().time()):
            future = self._futures.pop(served.number)
            if not future.done():
                future.set_result(None)
        self._wind()

"""The time limits of a visitor's connection; one watch looks after all connections."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp.web_protocol import RequestHandler

from gateway.wire.ends import Tunnelled
from gateway.wire.errors import BodyTooSlow
from gateway.wire.own_answers import HEAD_TIMEOUT

if TYPE_CHECKING:
    from gateway.wire.server import VisitorServer


LAST = 0.5
"""Seconds for what is still to be written when all time to drain is over."""


class TimedConnection(RequestHandler):
    """Knows since when the present step lasts: waiting for a request, or handling one."""

    __slots__ = ("_far", "_paused_at", "_received", "_server", "_since")

    def __init__(self, server: "VisitorServer", **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._since = server.now
        self._received = 0
        """Bytes that have come during the present step."""
        self._paused_at = 0.0
        self._far: Tunnelled | None = None

    @property
    def waiting(self) -> bool:
        """Whether no request is being handled."""
        raise NotImplementedError

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Let the request under way end within the time, while its body may still come, then end the connection."""
        self.close()
        if self._request_in_progress:
            self._handler_waiter = self._loop.create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._handler_waiter
            self._handler_waiter = None
        await super().shutdown(LAST)

    def pause_writing(self) -> None:
        """Note since when the visitor does not read."""
        super().pause_writing()
        self._paused_at = self._server.now
        if self._far is not None:
            self._far.hold(True)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._far is not None:
            self._far.hold(False)

    def look(self, now: float) -> None:
        """End the connection if the present step takes too long."""
        policy, elapsed = self._server.policy, now - self._since
        if self.transport is None:
            return
        if self.waiting:
            if self._received or self._request_count == 0:
                if elapsed > policy.head_timeout:
                    if self._received:
                        self.transport.write(HEAD_TIMEOUT)
                    self.force_close()
            elif elapsed > policy.idle_timeout:
                self.force_close()
            return
        if policy.request_timeout and elapsed > policy.request_timeout:
            self.transport.abort()
        elif self._paused:
            ready = self.transport.get_write_buffer_size()
            if now - self._paused_at > policy.send_timeout + ready / policy.slowest:
                self.transport.abort()
        elif self._far is None and self._current_request is not None and not self._reading_paused:
            content = self._current_request.content
            if not content.is_eof() and elapsed > policy.body_timeout + self._received / policy.slowest:
                content.set_exception(BodyTooSlow("it came too slowly"))

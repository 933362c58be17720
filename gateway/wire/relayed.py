"""What handlers return: an answer object of aiohttp's, or one whose bytes are on their way already."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from multidict import CIMultiDict

from gateway.wire.answer import Answer


class Relayed:
    """An answer whose bytes have been written to the connection already."""

    __slots__ = ("_answer", "keep_alive", "linger", "status")

    def __init__(self, status: int, answer: Answer, *, keep_alive: bool, linger: bool = True) -> None:
        self.status = status
        self._answer = answer
        self.keep_alive = keep_alive
        self.linger = linger

    @property
    def headers(self) -> "CIMultiDict[str]":
        """The fields as text."""
        return CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._answer.fields)


Response = web.StreamResponse | Relayed
Done = Callable[[Relayed | Awaitable[Response] | None], None]
"""Hears of an answer that has been relayed, of what is to be awaited for it, or, by None, that nobody wants it."""


async def raised(error: Exception) -> Response:
    """What is to be awaited for an answer that a defect has prevented; raises it where the visitor is told."""
    raise error


class _Sent(web.StreamResponse):
    """Stands for an answer whose bytes are on their way, where aiohttp wants an object."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Do nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing."""


SENT = _Sent()

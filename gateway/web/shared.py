"""An answer that is the same for everybody, made once and sent many times.

Thousands of clients ask for the same document each second. What does not depend on who asks is done when the document
is made: its tag, its fields, the bytes of the whole answer. A client of the common kind (GET, HTTP/1.1, kept alive)
gets those bytes in one write; everybody else gets the same answer from the library's own, slower response.
"""

from hashlib import blake2b

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE


class SharedDocument:
    """A JSON document with its tag; caches may keep it for `max_age` seconds."""

    def __init__(self, body: bytes, *, max_age: int) -> None:
        self.body = body
        self.tag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
        self._fields = {"Cache-Control": f"public, max-age={max_age}", "ETag": self.tag}
        about = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._whole = _Ready(_head("200 OK", self._fields | about) + body)
        self._unchanged = _Ready(_head("304 Not Modified", self._fields))

    def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the document, or 304 without a body to who knows it already."""
        known = request.headers.get("If-None-Match")
        unchanged = known is not None and self._is(known)
        if request.method == "GET" and request.version == HttpVersion11 and request.keep_alive:
            return self._unchanged if unchanged else self._whole
        if unchanged:
            return web.Response(status=304, headers=self._fields)
        return web.Response(body=self.body, headers=self._fields, content_type="application/json")

    def _is(self, known: str) -> bool:
        tags = (one.strip().removeprefix("W/") for one in known.split(","))
        return known == self.tag or any(one in (self.tag, "*") for one in tags)


class _Ready(web.StreamResponse):
    """A response whose bytes are there: it holds nothing of a request, so one serves all that are kept alive."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self._answer = answer

    @property
    def keep_alive(self) -> bool:
        """The connection stays open, as its client wished."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send all of the answer; waits while the client does not read."""
        await request.writer.write_eof(self._answer)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


def _head(status: str, fields: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    lines += [f"Date: {rfc822_formatted_time()}", f"Server: {SERVER_SOFTWARE}", "", ""]
    return "\r\n".join(lines).encode()

"""A plain read: its head stays the bytes that it came as, and is parsed only if somebody wants to know more of it."""

from typing import TYPE_CHECKING, Any

from aiohttp import HttpVersion11, web
from aiohttp.http import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.core.plain import PlainFields

if TYPE_CHECKING:
    from gateway.wire.current import HandlingConnection


class PlainRequest(web.BaseRequest):
    """A GET of HTTP/1.1 without a body, on a connection that stays.

    What these attributes do not say is there too: the first use of it lets aiohttp's parser read the head.
    """

    method = "GET"
    version = HttpVersion11
    keep_alive = True
    can_read_body = False
    content = EMPTY_PAYLOAD
    raw_path = ""
    path_part = ""
    """The path as it came, without the query."""
    ATTRS = web.BaseRequest.ATTRS | {"fields", "raw_path", "path_part"}

    def __init__(self, path: str, query: str, fields: PlainFields, protocol: "HandlingConnection") -> None:
        self.path_part = path
        self.raw_path = path + query
        self.fields = fields
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        """Let the parser read the head: something is asked for that only it knows."""
        if "_message" in self.__dict__ or name.startswith("__"):
            raise AttributeError(name)
        protocol = self._protocol
        parser = HttpRequestParser(protocol, protocol._loop, 2**16, auto_decompress=False)
        messages, _, _ = parser.feed_data(b"GET %b HTTP/1.1%b" % (self.raw_path.encode(), self.fields.came))
        writer = self.__dict__.get("_payload_writer")
        super().__init__(messages[0][0], EMPTY_PAYLOAD, protocol, writer, protocol._task_handler, protocol._loop)  # type: ignore[arg-type]
        return getattr(self, name)

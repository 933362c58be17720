"""Asking one node: the request as it is sent, and the head of the answer or why there is none."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web

from gateway.core.address import is_trusted
from gateway.core.classify import authority
from gateway.core.need import Need
from gateway.core.origin_proof import FIELD, prove
from gateway.core.retry_budget import SAFE, Failed
from gateway.errors import UpstreamFailed
from gateway.ports import Prepare
from gateway.proxy.bodies import Invitation, check_size, read_whole, relay_interim, send_body
from gateway.proxy.headers import OWN_LINES, count_down, own_lines, to_upstream
from gateway.proxy.node import Node
from gateway.sections import ProxySettings
from gateway.wire.answer import Answer, Fields
from gateway.wire.connections import Connections, Patience, Tls
from gateway.wire.errors import NodeBroke, NodeUnreachable
from gateway.wire.node_connection import NodeConnection
from gateway.wire.plain_request import PlainRequest
from gateway.wire.visitor import VisitorConnection

PERSONAL = frozenset(
    {
        b"cookie",
        b"authorization",
        b"if-none-match",
        b"if-modified-since",
        b"if-match",
        b"if-unmodified-since",
        b"if-range",
    }
)
"""Fields that a request which is sent for many does not carry."""
SMALL_BODY = 65_536
"""Bytes of a body that is read whole before a node is chosen."""
NONE: frozenset[bytes] = frozenset()


class AttemptFailed(Exception):
    """One attempt at one node gave no answer; `error` is what the visitor is told if it was the last."""

    def __init__(self, how: Failed, error: UpstreamFailed) -> None:
        super().__init__(str(error))
        self.how = how
        self.error = error


@dataclass(slots=True, kw_only=True)
class Sending:
    """One request on its way, and the nodes that it has been sent to."""

    request: web.BaseRequest
    target: str
    visitor: VisitorConnection
    request_id: str
    prepare: Prepare
    need: Need
    body: bytes | None
    streams: bool
    """Whether the body still has to come from the visitor."""
    shared: bool
    most: int
    """Bytes of the body that are accepted."""
    kept: bool
    """Whether somebody wants to keep the answer."""
    tried: list[str] = field(default_factory=list)
    uninvited: bool = False
    """Whether the visitor got an answer without having been asked for the body."""
    broken: bool = False
    """Whether the node broke its answer off."""
    latency: float | None = None
    """Seconds until the node's answer came; None for a failure of the node."""
    held: Callable[[float | None], None] | None = None
    """Gives the place at the node back."""
    freed: bool = False
    """Whether the place at the node has been given back before its answer has ended."""

    def hand_on(self, status: int, reason: bytes, fields: Fields) -> None:
        """Hand an interim answer on to the visitor."""
        relay_interim(self.visitor, status, reason, fields)

    def free(self) -> None:
        """Give the place at the node back, once."""
        held, self.held = self.held, None
        if held is not None:
            self.freed = True
            held(None if self.broken else self.latency)

    @property
    def whole(self) -> bool:
        """Whether the request can be sent again: nothing of its body has been used up."""
        return self.body is not None or not self.streams

    @property
    def waits_for_invitation(self) -> bool:
        """Whether the visitor keeps its body back until it is told to send it."""
        request = self.request
        return (
            self.streams
            and request.version >= HttpVersion11
            and request.headers.get("Expect", "").lower() == "100-continue"
        )

    async def read_small_body(self) -> None:
        """Wait for a body that is known to be small: who sends it slowly keeps no place at a node meanwhile."""
        length = self.request.content_length
        if self.streams and length is not None and length <= SMALL_BODY and not self.waits_for_invitation:
            self.body = await read_whole(self.request, length)
            self.streams = False

    def take_small_body(self) -> None:
        """Take the body if all of it is there already: then it goes out with the head, and can be sent again."""
        content = self.request.content
        if content.is_eof() and content.exception() is None:
            self.body = content.read_nowait(-1)
            check_size(len(self.body), self.most)
            self.streams = False


class Exchange:
    """A request to a node and its answer; `close` breaks off what is not whole."""

    __slots__ = ("_pump", "answer", "connection", "latency", "node")

    def __init__(
        self, node: Node, connection: NodeConnection, answer: Answer, pump: "asyncio.Task[None] | None" = None
    ) -> None:
        self.node = node
        self.connection = connection
        self.answer = answer
        self.latency = 0.0
        """Seconds until the answer's head was there."""
        self._pump = pump

    @property
    def sent_whole(self) -> bool:
        """Whether the node has got all of the request."""
        return self.connection.sent_whole

    def close(self) -> None:
        """Give up what is still under way."""
        if self._pump is not None and not self._pump.done():
            self._pump.cancel()
            self.connection.give_up(NodeBroke("the rest of the request is not sent"))
        self.answer.close()


class Upstream:
    """Owns the client connections to nodes."""

    def __init__(
        self,
        settings: ProxySettings,
        wall: Callable[[], float] = time.time,
        tls: Mapping[str, Tls] | None = None,
    ) -> None:
        self.settings = settings
        self.origin_secret: bytes | None = None
        self._wall = wall
        self._connections = Connections(
            Patience(connect=settings.connect_timeout, answer=settings.read_timeout, idle=settings.node_idle), tls or {}
        )

    async def start(self) -> None:
        """Open the client; connections are made on demand and kept."""
        self._connections.start()

    async def close(self) -> None:
        """Close all connections to nodes."""
        await self._connections.close()

    async def ask(self, sending: Sending, node: Node) -> Exchange:
        """Return a node's answer when its head is there; raises AttemptFailed, and VisitorFailed for a broken body."""
        try:
            connection = self.idle(node) or await self._connections.connect(node.url)
        except NodeUnreachable as error:
            raise AttemptFailed(Failed.NOT_SENT, UpstreamFailed("connect", str(error))) from error
        safe = sending.request.method in SAFE
        if safe:
            node.asking.add(connection)
        try:
            if sending.streams:
                sending.take_small_body()
            if sending.streams:
                return await self._with_body(sending, node, connection)
            data = self.head(sending) + (sending.body or b"")
            answer = await connection.begin(data, method=sending.request.method, whole=True, interim=sending.hand_on)
            return Exchange(node, connection, answer)
        except TimeoutError as error:
            raise AttemptFailed(Failed.TIMEOUT, UpstreamFailed("timeout", f"{node.url} gave no answer")) from error
        except NodeBroke as error:
            raise AttemptFailed(Failed.NO_ANSWER, UpstreamFailed("read", f"{node.url}: {error}")) from error
        except BaseException:
            connection.give_up(NodeBroke("given up"))
            raise
        finally:
            if safe:
                node.asking.discard(connection)

    def idle(self, node: Node) -> NodeConnection | None:
        """Return an idle connection to a node, if there is one."""
        return self._connections.idle(node.url)

    def tls(self, node: str) -> Tls | None:
        """Return how to speak TLS to a node, None for one that is spoken to in the clear."""
        return self._connections.tls.get(node)

    def proof(self, method: str, target: str) -> dict[str, str]:
        """Return the field that proves to a node that a request comes from here; none where no secret is shared."""
        if self.origin_secret is None:
            return {}
        return {FIELD: prove(self.origin_secret, self._wall(), method, target)}

    async def _with_body(self, sending: Sending, node: Node, connection: NodeConnection) -> Exchange:
        method = sending.request.method
        invitation = Invitation(sending.visitor) if sending.waits_for_invitation else None
        head = self.head(sending)
        future = connection.begin(
            head, method=method, whole=False, interim=invitation.interim if invitation else sending.hand_on
        )
        pump = asyncio.create_task(send_body(sending.request, connection, sending.most, invitation, sending.free))
        pump.add_done_callback(_looked_at)
        try:
            await asyncio.wait((future, pump), return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
            answer = await future
        except BaseException:
            pump.cancel()
            raise
        if invitation is not None and not invitation.sent:
            pump.cancel()
            sending.uninvited = True
        return Exchange(node, connection, answer, pump)

    def head(self, sending: Sending) -> bytes:
        """Return the bytes of the request's head as the node gets it."""
        request, target = sending.request, sending.target
        if type(request) is PlainRequest and not sending.shared:
            return self._plain_head(request, sending)
        peer, address, scheme = sending.visitor.origin
        options = request.method == "OPTIONS"
        lines = to_upstream(
            count_down(request.raw_headers) if options else request.raw_headers,
            peer=address,
            scheme=scheme,
            request_id=sending.request_id.encode(),
            trusted=is_trusted(peer, self.settings.trusted_proxies),
            host="" if request.raw_path.startswith("/") else authority(request.raw_path),
            without=PERSONAL if sending.shared else NONE,
        )
        if "Host" not in request.headers:  # HTTP/1.0 need not say it, HTTP/1.1 must (RFC 9112, 3.2)
            named = authority(request.raw_path) or urlsplit(sending.tried[-1]).netloc
            lines.insert(0, f"Host: {named}\r\n".encode("utf-8", "surrogateescape"))
        lines += self._proof_lines(request.method, target)
        invited = sending.waits_for_invitation
        lines.append(own_lines(request, body=sending.body, streams=sending.streams, invited=invited))
        line = f"{request.method} {target} HTTP/1.1\r\n".encode("utf-8", "surrogateescape")
        return line + b"".join(lines) + b"\r\n"

    def _plain_head(self, request: PlainRequest, sending: Sending) -> bytes:
        """Return the head as it came, but for the gateway's own cookies, with the gateway's own fields."""
        _, address, scheme = sending.visitor.origin
        lines = OWN_LINES % (address, scheme, sending.request_id.encode())
        proof = b"".join(self._proof_lines("GET", sending.target))
        return b"GET %b HTTP/1.1%b%b%b\r\n" % (sending.target.encode(), request.fields.sent, lines, proof)

    def _proof_lines(self, method: str, target: str) -> list[bytes]:
        return [f"{name}: {value}\r\n".encode() for name, value in self.proof(method, target).items()]


def _looked_at(pump: "asyncio.Task[None]") -> None:
    """A body that breaks off behind the answer's beginning has broken the connection: nobody else asks why."""
    if not pump.cancelled():
        pump.exception()

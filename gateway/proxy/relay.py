"""A node's answer on its way to the visitor: the head is written anew, the body goes through as it comes."""

import contextlib
import time
from email.utils import formatdate
from functools import lru_cache

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from gateway.proxy.bodies import chunk, head, last_chunk
from gateway.proxy.headers import dress, takes_trailers, to_visitor, wanted_upgrade
from gateway.proxy.upstream import Exchange, Sending
from gateway.wire.answer import Answer, Fields, first
from gateway.wire.errors import NodeBroke
from gateway.wire.relayed import Relayed, Response
from gateway.wire.tunnel import Tunnel

SMALL = 65_536
"""Bytes of a body up to which it is there whole before its head is sent, so that a failure can still be told."""


def relay_at_once(sending: Sending, exchange: Exchange) -> Relayed | None:
    """Answer the visitor if all of the node's answer is there and nobody wants to keep it; else None."""
    answer = exchange.answer
    if not answer.complete or sending.kept or answer.status == 101:
        return None
    passed, said = to_visitor(answer.fields)
    fields = dress(passed, sending.request_id, sending.prepare(said))
    form = _Form(sending, exchange)
    sending.visitor.write_last(form.head(fields) + form.frame(answer.taken()) + form.end())
    return Relayed(answer.status, fields, keep_alive=form.stays, linger=not sending.uninvited)


async def relay(sending: Sending, exchange: Exchange) -> Response:
    """Answer the visitor as the node's answer comes; raises NodeBroke or TimeoutError while nothing has been sent."""
    answer = exchange.answer
    passed, said = to_visitor(answer.fields)
    if answer.status == 101:
        return await _switch(sending, exchange, passed)
    form, length = _Form(sending, exchange), answer.length
    begun = b""
    if sending.kept and not form.bodiless and (length is None or length <= SMALL):
        begun = await answer.beginning(SMALL)
        if answer.complete:
            fields = dress(passed, sending.request_id, sending.prepare(said))
            return _whole(answer, fields, begun + answer.taken())
    elif not form.bodiless and length is not None and length <= SMALL:
        begun = await answer.beginning(SMALL)
    fields = dress(passed, sending.request_id, sending.prepare(said))
    whole = await _stream(sending, answer, form, form.head(fields) + form.frame(begun))
    stays = whole and form.stays
    return Relayed(answer.status, fields, keep_alive=stays, linger=not sending.uninvited)


async def _stream(sending: Sending, answer: Answer, form: "_Form", top: bytes) -> bool:
    """Write the body as it comes, behind `top`; what breaks off breaks the visitor's connection too."""
    visitor = sending.visitor
    visitor.write(top)
    if answer.events:
        sending.free()  # it goes on for hours and is no work of the node's
    try:
        while data := await answer.more():
            visitor.write(form.frame(data))
            with contextlib.suppress(ConnectionError):  # a write goes on without its visitor
                await visitor.drain()
    except (NodeBroke, TimeoutError):
        sending.broken = True
        if visitor.transport is not None:
            visitor.transport.abort()
        return False
    visitor.write(form.end())
    return True


class _Form:
    """How an answer is framed for its visitor."""

    __slots__ = ("_answer", "_chunked", "_modern", "_request", "bodiless", "stays")

    def __init__(self, sending: Sending, exchange: Exchange) -> None:
        request = self._request = sending.request
        answer = self._answer = exchange.answer
        self._modern = request.version >= HttpVersion11
        self.bodiless = request.method == "HEAD" or answer.status in (204, 304)
        framed = self.bodiless or answer.length is not None
        self._chunked = not framed and self._modern
        self.stays = sending.visitor.will_stay(request) and exchange.sent_whole and (framed or self._modern)

    def head(self, fields: Fields) -> bytes:
        """Return the head; adds to `fields` what is about this connection, and the date if the node has sent none."""
        answer = self._answer
        if answer.status == 204:
            fields[:] = [field for field in fields if field[0].lower() != b"content-length"]
        if self._chunked:
            fields.append((b"Transfer-Encoding", b"chunked"))
        if not self.stays:
            fields.append((b"Connection", b"close"))
        elif not self._modern:
            fields.append((b"Connection", b"keep-alive"))
        if not answer.dated:
            fields.append((b"Date", _date(int(time.time()))))  # RFC 9110, 6.6.1
        return head(answer.status, answer.reason, fields)

    def frame(self, data: bytes) -> bytes:
        """Return a piece of the body as it is sent."""
        return chunk(data) if self._chunked else data

    def end(self) -> bytes:
        """Return what ends the body."""
        if not self._chunked:
            return b""
        return last_chunk(to_visitor(self._answer.trailers)[0] if takes_trailers(self._request) else [])


async def _switch(sending: Sending, exchange: Exchange, fields: Fields) -> Relayed:
    """Let visitor and node speak the protocol that they have agreed on; raises NodeBroke for one nobody asked for."""
    answer, visitor = exchange.answer, sending.visitor
    if not wanted_upgrade(sending.request):
        raise NodeBroke("switched protocols unasked")
    fields = dress(fields, sending.request_id, ())
    fields += [(b"Upgrade", first(answer.fields, b"upgrade")), (b"Connection", b"upgrade")]
    visitor.write(head(101, answer.reason, fields))
    sending.free()
    tunnel = Tunnel(visitor, exchange.connection)
    await tunnel.run()
    return Relayed(101, fields, keep_alive=False, linger=False)


def _whole(answer: Answer, fields: Fields, body: bytes) -> web.Response:
    """Return the answer as an object, for those who keep it."""
    headers = CIMultiDict(
        [
            (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
            for name, value in fields
            if name.lower() != b"content-length"
        ]
    )
    return web.Response(status=answer.status, reason=answer.reason.decode("latin-1"), headers=headers, body=body)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()

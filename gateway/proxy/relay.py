"""A node's answer on its way to the visitor: the head is written anew, the body goes through as it comes."""

import asyncio
import contextlib
import time
from email.utils import formatdate
from functools import lru_cache

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from gateway.proxy.bodies import SLOW, chunk, head, last_chunk
from gateway.proxy.headers import dress, takes_trailers, to_visitor, wanted_upgrade, without_names
from gateway.proxy.upstream import Exchange, Sending
from gateway.wire.answer import Answer, WholeAnswer, first
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
    if type(answer) is WholeAnswer:
        return relay_plain(sending, answer)
    lines, said = to_visitor(answer.fields)
    lines = dress(lines, sending.request_id, sending.prepare(said))
    form = _Form(sending, exchange.answer, whole=exchange.sent_whole)
    sending.visitor.write_last(form.head(lines) + form.frame(answer.taken()) + form.end())
    return Relayed(answer.status, answer, keep_alive=form.stays, linger=not sending.uninvited)


def relay_plain(sending: Sending, answer: WholeAnswer) -> Relayed:
    """Answer with a plain answer: its head is handed on as it came, with the request's id."""
    visitor, cookies = sending.visitor, sending.prepare(())
    stays = visitor.will_stay(sending.request)
    if cookies or not stays or not answer.dated or sending.request.version < HttpVersion11:
        lines = dress(to_visitor(answer.fields)[0], sending.request_id, cookies)
        form = _Form(sending, answer, whole=True)
        visitor.write_last(form.head(lines) + form.frame(bytes(answer.body)) + form.end())
    else:
        request_id = sending.request_id.encode()
        visitor.write_last(b"".join((answer.head, b"\r\nX-Request-Id: ", request_id, b"\r\n\r\n", answer.body)))
    return Relayed(answer.status, answer, keep_alive=stays, linger=not sending.uninvited)


async def relay(sending: Sending, exchange: Exchange) -> Response:
    """Answer the visitor as the node's answer comes; raises NodeBroke or TimeoutError while nothing has been sent."""
    answer = exchange.answer
    lines, said = to_visitor(answer.fields)
    if answer.status == 101:
        return await _switch(sending, exchange, lines)
    form, length = _Form(sending, exchange.answer, whole=exchange.sent_whole), answer.length
    begun = b""
    if sending.kept and not form.bodiless and (length is None or length <= SMALL):
        begun = await answer.beginning(SMALL)
        if answer.complete:
            lines = dress(lines, sending.request_id, sending.prepare(said))
            return _whole(answer, lines, begun + answer.taken())
    elif not form.bodiless and length is not None and length <= SMALL:
        begun = await answer.beginning(SMALL)
    lines = dress(lines, sending.request_id, sending.prepare(said))
    whole = await _stream(sending, answer, form, form.head(lines) + form.frame(begun))
    stays = whole and form.stays
    return Relayed(answer.status, answer, keep_alive=stays, linger=not sending.uninvited)


async def _stream(sending: Sending, answer: Answer, form: "_Form", top: bytes) -> bool:
    """Write the body as it comes, behind `top`; what breaks off breaks the visitor's connection too."""
    visitor = sending.visitor
    visitor.write(top)
    if answer.events:
        sending.free()  # it goes on for hours and is no work of the node's
    try:
        while data := await answer.more():
            visitor.write(form.frame(data))
            if visitor.writing_paused or visitor.transport is None:
                await _drain(sending)
    except (NodeBroke, TimeoutError):
        sending.broken = True
        if visitor.transport is not None:
            visitor.transport.abort()
        return False
    visitor.write(form.end())
    return True


class _Form:
    """How an answer is framed for its visitor; `whole`: the request has been sent whole."""

    __slots__ = ("_answer", "_chunked", "_modern", "_request", "bodiless", "stays")

    def __init__(self, sending: Sending, answer: Answer, *, whole: bool) -> None:
        request = self._request = sending.request
        self._answer = answer
        self._modern = request.version >= HttpVersion11
        self.bodiless = request.method == "HEAD" or answer.status in (204, 304)
        framed = self.bodiless or answer.length is not None
        self._chunked = not framed and self._modern
        self.stays = sending.visitor.will_stay(request) and whole and (framed or self._modern)

    def head(self, lines: list[bytes]) -> bytes:
        """Return the head; adds to `lines` what is about this connection, and the date if the node has sent none."""
        answer = self._answer
        if answer.status == 204:
            lines = without_names(lines, _LENGTH)
        if self._chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        if not self.stays:
            lines.append(b"Connection: close\r\n")
        elif not self._modern:
            lines.append(b"Connection: keep-alive\r\n")
        if not answer.dated:
            lines.append(_date(int(time.time())))  # RFC 9110, 6.6.1
        return head(answer.status, answer.reason, lines)

    def frame(self, data: bytes) -> bytes:
        """Return a piece of the body as it is sent."""
        return chunk(data) if self._chunked else data

    def end(self) -> bytes:
        """Return what ends the body."""
        if not self._chunked:
            return b""
        return last_chunk(to_visitor(self._answer.trailers)[0] if takes_trailers(self._request) else [])


async def _drain(sending: Sending) -> None:
    """Wait until the visitor has read; a slow one does not keep the place at the node, which has its work behind it."""
    with contextlib.suppress(ConnectionError):  # a write goes on without its visitor
        try:
            async with asyncio.timeout(SLOW):
                await sending.visitor.drain()
        except TimeoutError:
            sending.free()
            await sending.visitor.drain()


async def _switch(sending: Sending, exchange: Exchange, lines: list[bytes]) -> Relayed:
    """Let visitor and node speak the protocol that they have agreed on; raises NodeBroke for one nobody asked for."""
    answer, visitor = exchange.answer, sending.visitor
    if not wanted_upgrade(sending.request):
        raise NodeBroke("switched protocols unasked")
    lines = dress(lines, sending.request_id, ())
    lines.append(b"Upgrade: %b\r\nConnection: upgrade\r\n" % first(answer.fields, b"upgrade"))
    visitor.write(head(101, answer.reason, lines))
    sending.free()
    tunnel = Tunnel(visitor, exchange.connection)
    await tunnel.run()
    return Relayed(101, answer, keep_alive=False, linger=False)


def _whole(answer: Answer, lines: list[bytes], body: bytes) -> web.Response:
    """Return the answer as an object, for those who keep it."""
    fields = (line[:-2].partition(b": ") for line in without_names(lines, _LENGTH))
    headers = CIMultiDict(
        [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, _, value in fields]
    )
    return web.Response(status=answer.status, reason=answer.reason.decode("latin-1"), headers=headers, body=body)


_LENGTH = frozenset({b"content-length"})


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode()

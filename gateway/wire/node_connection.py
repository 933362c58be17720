"""One connection to a node: a request out, its answer in, parsed by llhttp; then the next.

The parser is strict: what it refuses (two lengths, a length beside chunks, folded fields, control characters) breaks
the connection, so that no two readers can disagree about where an answer ends (RFC 9112, 6.3 and 11.2).
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.core.plain import plain_answer
from gateway.wire.answer import Answer, Fields, WholeAnswer, first
from gateway.wire.batch import Batch
from gateway.wire.ends import NodeEnd, Waiter
from gateway.wire.errors import NodeBroke

MAX_HEAD = 65_536
"""Bytes of the head of an answer, interim ones and trailers included."""
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
Interim = Callable[[int, bytes, Fields], None]


class NodeConnection(asyncio.Protocol):
    """Owns one socket. `on_free(self)` is called when an answer is whole and the connection may be used again."""

    def __init__(
        self, batch: Batch, on_free: "Callable[[NodeConnection], None]", on_lost: "Callable[[NodeConnection], None]"
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._batch = batch
        self._on_free = on_free
        self._on_lost = on_lost
        self._parser = HttpResponseParser(self)
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.reusable = True
        self.sent_whole = True
        self.quiet = 0
        """Looks of the watch since the node was last heard of, or needed no answer."""
        self.holding = False
        """Whether the node is kept from sending, because the visitor does not keep up."""
        self.tail = b""
        """Bytes that came right behind the head of a 101."""
        self._answer: Answer | None = None
        self._head: Waiter | None = None
        self._ended = False
        self._arrived: tuple[Waiter, Answer] | None = None
        self._head_bytes = 0
        self._headless_body = False
        self._interim: Interim | None = None
        self._fields: Fields = []
        self._reason = b""
        self._until_close = False
        self.end: NodeEnd | None = None
        self._writable: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is under way on it."""
        return self._head is not None or self._answer is not None

    def begin(
        self, data: bytes, *, method: str, whole: bool, interim: Interim | None = None
    ) -> "asyncio.Future[Answer]":
        """Send the head of a request, or all of it (`whole`); returns the future of its answer's head."""
        head: asyncio.Future[Answer] = self._loop.create_future()
        self.begin_for(head, data, method=method, whole=whole, interim=interim)
        return head

    def begin_for(self, head: Waiter, data: bytes, *, method: str, whole: bool, interim: Interim | None = None) -> None:
        """Send the head of a request, or all of it (`whole`); `head` hears of its answer's head, or of a failure."""
        if self._headless_body:
            self._parser = HttpResponseParser(self)  # the old one still waits for the body that HEAD has not
        self._headless_body = method == "HEAD"
        self._interim = interim
        self._head = head
        self._head_bytes = 0
        self.quiet = 0
        self.sent_whole = whole
        if whole:
            self._batch.write(self.transport, data)
        else:
            self.transport.write(data)  # its body is written directly too

    async def send(self, data: bytes) -> None:
        """Send more of the request, once the node takes it; raises NodeBroke when the connection is gone."""
        if self._writable is not None:
            await self._writable
        if self.transport.is_closing():
            raise NodeBroke("closed while the request was being sent")
        self.quiet = 0
        self.transport.write(data)

    def end_request(self) -> None:
        """Note that the request has been sent whole."""
        self.sent_whole = True
        if not self.busy:
            self._free()

    def give_up(self, error: Exception) -> None:
        """Break the connection off; whoever waits for an answer gets `error`."""
        self.reusable = False
        head, answer = self._head, self._answer
        self._head = self._answer = None
        self.transport.abort()
        if answer is not None:
            answer.fail(error)
        if head is not None and not head.done():
            head.set_exception(error)
            head.exception()  # whoever waits may be gone: that is no mistake of theirs

    def tunnel(self, end: NodeEnd) -> None:
        """From now on hand every byte on as it comes; the answer, which was only a head, is whole."""
        self.end = end
        if self._answer is not None:
            self._answer.finish([])
            self._answer = None
        if self.tail:
            end.from_node(self.tail)

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, or the tunnel."""
        self.quiet = 0
        if self.end is not None:
            self.end.from_node(data)
            return
        if not self.busy:
            self.give_up(NodeBroke("sent what nobody has asked for"))
            return
        if self._head is not None:
            if not self._head_bytes and self._take_plain(data):
                return
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as switch:
            self.tail = data[switch.args[0] :]
        except HttpParserError as error:
            if self._answer is None or self._answer.status != 101:
                self.give_up(NodeBroke(f"not a valid answer: {error.__cause__ or error}"))
            return
        finally:
            self._after_read()
        if self._head is not None and self._head_bytes > MAX_HEAD:
            self.give_up(NodeBroke(f"the head of the answer is longer than {MAX_HEAD} bytes"))

    def _take_plain(self, data: bytes) -> bool:
        """Take a plain answer that is there as a whole past the parser, which stands between two answers."""
        said = None if self._headless_body or not self.sent_whole else plain_answer(data)
        if said is None or len(said[1]) > MAX_HEAD:
            return False
        head, self._head = self._head, None
        self._interim = None
        self._free()
        if head is not None and not head.done():
            head.set_result(WholeAnswer(data, *said))
        return True

    def _after_read(self) -> None:
        """Do what must wait for the end of a read: bytes behind the answer make the connection unusable."""
        if self._ended:
            self._ended = False
            self._free()
        if self._arrived is not None:
            # A small body is there with its head.
            (head, answer), self._arrived = self._arrived, None
            if not head.done():
                head.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: an answer that only the end of the connection ends is whole, any other is not."""
        self.reusable = False
        answer = self._answer
        if answer is not None and self._until_close and exc is None:
            self._answer = None
            answer.finish([])
        else:
            self.give_up(NodeBroke("closed before the answer was whole" if exc is None else str(exc)))
        if self.end is not None:
            self.end.node_lost()
        self.resume_writing()
        self._on_lost(self)
        del self._parser  # it holds on to this object

    def eof_received(self) -> bool:
        """Keep the other direction of a tunnel; end everything else."""
        return self.end is not None and self.end.node_ended()

    def pause_writing(self) -> None:
        """The node takes no more for now."""
        self._writable = self._loop.create_future()
        if self.end is not None:
            self.end.hold_visitor(True)

    def resume_writing(self) -> None:
        """The node takes more."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        if self.end is not None:
            self.end.hold_visitor(False)

    @property
    def waits_for_visitor(self) -> bool:
        """Whether the node has nothing to answer yet: the rest of the request has not come."""
        return not self.sent_whole and self._writable is None

    # the parser calls these

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._fields = []
        self._reason = b""
        if not self.busy:
            self.reusable = False  # bytes behind an answer belong to nobody (RFC 9112, 6.3)

    def on_status(self, reason: bytes) -> None:
        """Take the reason."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head, or of the trailers."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the head to whoever waits, and an interim answer on."""
        status, head = self._parser.get_status_code(), self._head
        if head is None:
            return
        if self._head_bytes > MAX_HEAD and sum(len(name) + len(value) for name, value in self._fields) > MAX_HEAD:
            raise NodeBroke(f"the head of the answer is longer than {MAX_HEAD} bytes")
        if not 100 <= status <= 599 or _CONTROL.search(self._reason) is not None:
            raise NodeBroke(f"a status or reason that HTTP has not: {status}")
        fields, self._fields = self._fields, []
        if status < 200 and status != 101:
            if self._interim is not None:
                self._interim(status, self._reason, fields)
            return
        answer = Answer(status, self._reason, fields, pause=self._hold, abandon=self._abandon)
        framed = answer.read_head() or self._headless_body or status in (101, 204, 304)
        if status == 101 and not first(fields, b"upgrade"):
            raise NodeBroke("switched protocols without saying to which")
        self._until_close = not framed
        self._answer = answer
        self._head = self._interim = None
        self._arrived = head, answer
        if self._headless_body:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        """Take bytes of the body."""
        if self._answer is not None:
            self._answer.feed(data)
        else:
            self.reusable = False

    def on_message_complete(self) -> None:
        """The answer is whole."""
        answer = self._answer
        if answer is None or answer.status == 101:
            return
        if not self._parser.should_keep_alive():
            self.reusable = False
        self._answer = None
        if self.holding:
            self._hold(False)
        answer.finish(self._fields)
        self._ended = self.sent_whole

    def _free(self) -> None:
        if self.busy:
            return
        if not self.reusable or not self.sent_whole:
            self.transport.abort()
        else:
            self._on_free(self)

    def _hold(self, hold: bool) -> None:
        self.holding = hold
        with contextlib.suppress(RuntimeError):  # it is closing
            if hold:
                self.transport.pause_reading()
            else:
                self.quiet = 0
                self.transport.resume_reading()

    def _abandon(self) -> None:
        self._answer = None
        self.reusable = False
        self.transport.abort()

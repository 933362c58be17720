"""Who stands at the other end: of a tunnel, and of a request that waits for its answer."""

from typing import Protocol

from gateway.wire.answer import Answer


class Tunnelled(Protocol):
    """The far end of a tunnel: it takes the visitor's bytes as they come."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes; the answer, which aiohttp wants, is always (False, b"")."""
        ...

    def feed_eof(self) -> None:
        """The connection is gone."""
        ...

    def visitor_ended(self) -> bool:
        """The visitor sends no more; returns whether the connection stays open for what still comes."""
        ...

    def hold(self, hold: bool) -> None:
        """Send no more to the visitor for now, or go on."""
        ...


class NodeEnd(Protocol):
    """What becomes of a connection after 101: a tunnel, as its node's side sees it."""

    def from_node(self, data: bytes) -> None:
        """Take bytes of the node."""
        ...

    def node_ended(self) -> bool:
        """The node sends no more; returns whether the connection stays open for what still goes there."""
        ...

    def node_lost(self) -> None:
        """The connection is gone."""
        ...

    def hold_visitor(self, hold: bool) -> None:
        """Take no more from the visitor for now, or go on."""
        ...


class Waiter(Protocol):
    """Who waits for the head of an answer: a future, or what is called in its place."""

    def done(self) -> bool:
        """Whether nothing is waited for any more."""
        ...

    def set_result(self, result: Answer, /) -> None:
        """The head is there, and of the body what came with it."""
        ...

    def set_exception(self, exception: Exception, /) -> None:
        """There will be no answer."""
        ...

    def exception(self) -> BaseException | None:
        """Take note of the failure."""
        ...

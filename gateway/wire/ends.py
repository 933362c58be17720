"""A tunnel as the two connections see it that it joins."""

from typing import Protocol


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

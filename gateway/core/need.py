"""What a request needs of a pool: its turn among those that wait, its size, and whether it may be refused."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """`priority`: higher goes first; `cost`: places that it takes at a node; `sheddable`: it was promised nothing.

    `session`: what the backend knows the sender by, so that it goes to the same node; empty for nothing.
    """

    priority: int = 0
    cost: float = 1.0
    sheddable: bool = False
    session: bytes = b""

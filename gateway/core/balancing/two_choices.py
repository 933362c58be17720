"""Power of two choices: of two nodes drawn at random, the one that is used less goes first.

Load is inflight / limit, so that a node with a larger learned limit takes more. Two random choices avoid
both the herd on the emptiest node and the blindness of round robin (Mitzenmacher 2001). Chance is an argument.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLoad:
    """A candidate node: requests at it, and how many it may have, times its weight."""

    node: str
    inflight: float
    limit: float

    @property
    def load(self) -> float:
        """Use of the node; 1 is full."""
        return self.inflight / max(self.limit, 1e-9)


def choose(nodes: Sequence[NodeLoad], first: float, second: float) -> str | None:
    """Return the node to use, or None when there is none; `first` and `second` are uniform in [0, 1)."""
    if not nodes:
        return None
    one = int(first * len(nodes))
    if len(nodes) == 1:
        return nodes[0].node
    other = int(second * (len(nodes) - 1))
    other += other >= one
    return min(nodes[one], nodes[other], key=lambda node: node.load).node

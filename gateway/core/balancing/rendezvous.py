"""Rendezvous hashing: the same session goes to the same node, and a node that goes moves only its own sessions.

Each node draws a number for the session, and the highest goes first (Thaler and Ravishankar 1998); with weights,
the score is -weight / ln(draw), so that each node is first for its share of the sessions. Nothing is remembered, so
all gateways agree.
"""

from collections.abc import Mapping
from hashlib import blake2b
from math import log


def ranked(session: bytes, weights: Mapping[str, float]) -> list[str]:
    """Return the nodes in the order in which they are this session's; `weights` are above 0."""
    return sorted(weights, key=lambda node: _score(session, node, weights[node]), reverse=True)


def _score(session: bytes, node: str, weight: float) -> float:
    drawn = int.from_bytes(blake2b(session, key=node.encode()[:64], digest_size=8).digest(), "big")
    return -weight / log((drawn + 0.5) / 2**64)

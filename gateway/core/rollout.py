"""Rolling a room out: for which part of the visitors it is in force.

Each visitor has a lot, a number that follows from what is known of it and never changes; the room is in force for
those whose lot is below the percentage. So nobody is let through by reloading, all gateways decide alike without
asking anybody, and a larger percentage takes in those of a smaller one and more.
"""

from hashlib import blake2b


def is_enforced(room: str, mark: bytes, percent: float) -> bool:
    """Whether the room is in force for the visitor whom `mark` stands for; 0 is nobody, 100 everybody."""
    lot = int.from_bytes(blake2b(room.encode() + b"|" + mark, digest_size=8).digest(), "big") / 2**64
    return 100 * lot < percent

"""The shuffle of an opening: a keyed permutation that gives any place, or any ticket, without a list.

Members 1..n are written in two digits of base s, where s is the smallest even number with s * s >= n. Each of twelve
rounds of a Feistel network exchanges the digits and adds to one a number that the other chooses from a keyed table:

    left, right = right, (left + table[round][right]) mod s

Every round can be undone, so the whole is a bijection of 0..s*s-1. What falls outside 0..n-1 goes through again until
it is inside ("cycle walking"), which makes it a bijection of 0..n-1; s * s / n passes are expected, below 1.01 for a
million. The side is even because with an odd one every round is an even permutation times a fixed one: then half of all
orders could never come out. The entries of a round's table are the 64-bit numbers, most significant byte first, of

    HMAC-SHA256(key = seed, text = "talon-order-1|LABEL|ROUND|BLOCK")   for ROUND from 0, BLOCK = 0, 1, 2, ...

end to end, four numbers from each digest, each modulo s (the error of the remainder is below s / 2^64).

Invariants: `place_of` undoes `member_at`; both need only (n, seed, label); a table holds s numbers, so the whole key
schedule of a million members is 12,000 numbers.
Sources: M. Luby, C. Rackoff, How to construct pseudorandom permutations, SIAM J. Comput. 17 (1988); J. Black,
P. Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002 (cycle walking).
"""

import hmac
from math import isqrt

ROUNDS = 12
PER_DIGEST = 4
_VERSION = "talon-order-1"


class Permutation:
    """A shuffle of members 1..`size`; the same seed and label give the same one everywhere."""

    __slots__ = ("_side", "_tables", "size")

    def __init__(self, size: int, seed: bytes, label: str) -> None:
        if size < 1:
            raise ValueError(f"a shuffle has at least one member, got {size}")
        self.size = size
        side = isqrt(size - 1) + 1
        self._side = side + side % 2
        self._tables = [_table(self._side, seed, f"{_VERSION}|{label}|{number}") for number in range(ROUNDS)]

    def member_at(self, place: int) -> int:
        """Return who stands at a place, both counted from 1."""
        self._check(place)
        side, value = self._side, place - 1
        while True:
            left, right = divmod(value, side)
            for table in self._tables:
                left, right = right, (left + table[right]) % side
            value = left * side + right
            if value < self.size:
                return value + 1

    def place_of(self, member: int) -> int:
        """Return where a member stands, both counted from 1."""
        self._check(member)
        side, value = self._side, member - 1
        while True:
            left, right = divmod(value, side)
            for table in reversed(self._tables):
                left, right = (right - table[left]) % side, left
            value = left * side + right
            if value < self.size:
                return value + 1

    def _check(self, number: int) -> None:
        if not 1 <= number <= self.size:
            raise ValueError(f"expected 1..{self.size}, got {number}")


def _table(side: int, seed: bytes, text: str) -> list[int]:
    blocks = -(-side // PER_DIGEST)
    stream = b"".join(hmac.digest(seed, f"{text}|{block}".encode(), "sha256") for block in range(blocks))
    return [int.from_bytes(stream[8 * entry : 8 * entry + 8], "big") % side for entry in range(side)]

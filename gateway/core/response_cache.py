"""Answers that are the same for everybody, kept for seconds: what may be kept, for how long, and what ends it.

A shared cache in the sense of RFC 9111, for request classes that the operator marks, and stricter: the operator
says how long a copy is fresh, the backend can only forbid. An answer is kept when it is a whole GET's, is not
private, sets no cookie, and varies by nothing but the fields that the key holds. A copy that is no longer fresh
serves while the backend fails, for `stale_if_error` (RFC 5861). Bounded in bytes; the copy that was used longest
ago goes first. Time is an argument.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.units import Seconds

KEPT = frozenset({200, 203, 301, 404, 410})
"""Statuses of answers that are kept."""
FORBIDDING = frozenset({"private", "no-store", "no-cache"})
LONGEST = 60.0
OVERHEAD = 500
"""Bytes that a copy counts beside its body and fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How long copies are fresh, how long after that they may serve while the backend fails, and what they vary by."""

    ttl: Seconds
    stale_if_error: Seconds = 60.0
    vary: tuple[str, ...] = ("accept", "accept-language", "accept-encoding")

    def __post_init__(self) -> None:
        if not 0 < self.ttl <= LONGEST:
            raise ValueError(f"ttl must be above 0s and at most {LONGEST:g}s: other gateways do not hear of changes")
        if not 0 <= self.stale_if_error <= 86_400:
            raise ValueError("stale_if_error must be in 0s..1d")
        if any(name != name.lower() or not name for name in self.vary):
            raise ValueError("vary must be names of fields in lower case")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A kept answer; `at` is when it came, seconds of a steady clock, `kind` its class, `target` what was asked."""

    status: int
    fields: Sequence[tuple[str, str]]
    body: bytes
    at: float
    kind: str
    target: str

    @property
    def size(self) -> int:
        """Bytes that the copy counts."""
        return OVERHEAD + len(self.body) + sum(len(name) + len(value) for name, value in self.fields)


def may_share(fields: Mapping[str, str]) -> bool:
    """Whether a request with these fields, by lower-case name, may be answered with a shared copy."""
    return "authorization" not in fields and "range" not in fields


def may_keep(status: int, fields: Iterable[tuple[str, str]], policy: CachePolicy) -> bool:
    """Whether an answer may be kept for others."""
    if status not in KEPT:
        return False
    for name, value in fields:
        words = {word.split("=")[0].strip().lower() for word in value.split(",")}
        match name.lower():
            case "set-cookie" | "content-range":
                return False
            case "cache-control" if words & FORBIDDING:
                return False
            case "vary" if not words <= set(policy.vary):
                return False
    return True


@dataclass(slots=True)
class ResponseCache:
    """Owns the copies of one gateway, at most `most` bytes of them."""

    most: int
    size: int = 0
    _copies: "OrderedDict[str, Copy]" = field(default_factory=OrderedDict)

    def get(self, key: str, now: float, policy: CachePolicy, *, stale: bool = False) -> Copy | None:
        """Return a copy that is fresh, or with `stale` one that may serve because the backend fails."""
        copy = self._copies.get(key)
        if copy is None or now - copy.at >= policy.ttl + (policy.stale_if_error if stale else 0.0):
            return None
        self._copies.move_to_end(key)
        return copy

    def put(self, key: str, copy: Copy) -> bool:
        """Keep a copy; False when it is larger than an eighth of all, which would drive the others out."""
        self._drop(key)
        if copy.size > self.most / 8:
            return False
        self._copies[key] = copy
        self.size += copy.size
        while self.size > self.most:
            self._drop(next(iter(self._copies)))
        return True

    def purge(self, kinds: Iterable[str] = (), targets: Iterable[str] = ()) -> int:
        """End the copies of these classes and of these targets, whatever their query; returns how many."""
        classes, paths = set(kinds), {target.partition("?")[0] for target in targets}
        gone = [
            key for key, copy in self._copies.items() if copy.kind in classes or copy.target.partition("?")[0] in paths
        ]
        for key in gone:
            self._drop(key)
        return len(gone)

    def _drop(self, key: str) -> None:
        copy = self._copies.pop(key, None)
        if copy is not None:
            self.size -= copy.size

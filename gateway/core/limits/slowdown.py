"""How much slower a node answers than when it is idle, whatever mix of requests it gets.

Requests differ: a page costs nothing, a booking costs much, and the mix changes from second to second, so the mean
latency says little. Each kind of request (method and shape of the path) has a base, its latency on the unloaded
node; the slowdown of a window is `sum of latencies / sum of bases` over its requests. A base falls at once to a
faster window mean and rises slowly, only while the node is little used: under load a rising latency is a queue. A
window that was made for measuring (`remeasure.py`) sets it.

Limits: at most `MAX_KINDS` kinds; the rest share one.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

MAX_KINDS = 128
RISE = 0.05
MIN_SAMPLES = 3
_DIGITS = re.compile(r"[0-9a-f-]{16,}|\d+")


def kind_of(method: str, path: str) -> str:
    """Return the kind of a request: its method and the shape of its path, numbers and ids alike."""
    return f"{method} {_shape(path.partition('?')[0][:200])}"


@lru_cache(maxsize=4096)
def _shape(path: str) -> str:
    return "/".join(_DIGITS.sub("#", path).split("/")[:5])


@dataclass(slots=True)
class _Kind:
    base: float = 0.0
    total: float = 0.0
    count: int = 0


@dataclass(slots=True)
class Slowdown:
    """Owns the bases of one node; `note` each answer, `close` each window."""

    last: float = 1.0
    """The slowdown of the last window."""
    _kinds: dict[str, _Kind] = field(default_factory=dict)

    def note(self, kind: str, latency: float) -> None:
        """Count one answer; latency in seconds."""
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds.setdefault(kind if len(self._kinds) < MAX_KINDS else "", _Kind())
        known.total += latency
        known.count += 1

    def close(self, *, idle: bool, measured: bool = False) -> float:
        """Return the slowdown of the window, at least 1, and begin a new one.

        `idle`: the node was little used; `measured`: so little on purpose that what it shows is its base.
        """
        total = base = 0.0
        for known in self._kinds.values():
            if known.count >= MIN_SAMPLES or (known.base == 0.0 and known.count):
                mean = known.total / known.count
                if known.base == 0.0 or mean < known.base or measured:
                    known.base = max(mean, 1e-6)
                elif idle:
                    known.base += RISE * (mean - known.base)
            total += known.total
            base += known.base * known.count
            known.total, known.count = 0.0, 0
        self.last = max(1.0, total / base) if base else 1.0
        return self.last

"""Nodes that answer worse than the others are taken out of choice for a while (outlier ejection, after Envoy).

Active checks find a node that is dead; they miss one that answers its health path and fails at everything else, the
faster the more it is sent. Three signs eject a node, each only if the others are better, for when all fail the node
is not the cause:

    errors in a row   `consecutive` of them, and more than twice the others' share of errors in the window
    share of errors   at least `error_share` of `MIN_REQUESTS` or more, and more than twice the others' share
    latency           window mean above `latency_factor` times the median of the others, of which there are two or more

It is out for `base` seconds x times in a row, at most `longest`, and comes back by slow start; a good period of
`base` forgets one time. At most `max_ejected` of the pool are out, one is always allowed if there are two. When
less than `panic` of the pool is usable, ejections are ignored: better a bad node than all load on the last ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from gateway.core.units import Seconds

WINDOW = 5.0
"""Seconds of a window of answers."""
MIN_REQUESTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierPolicy:
    """Signs and bounds of ejection; `consecutive` of 0 switches it off."""

    consecutive: int = 5
    error_share: float = 0.5
    latency_factor: float = 4.0
    base: Seconds = 5.0
    longest: Seconds = 120.0
    max_ejected: float = 0.5
    panic: float = 0.3

    def __post_init__(self) -> None:
        if self.consecutive < 0:
            raise ValueError("consecutive must not be negative")
        if not 0 < self.error_share <= 1 or not 0 <= self.max_ejected <= 1 or not 0 <= self.panic <= 1:
            raise ValueError("error_share must be above 0, it, max_ejected and panic at most 1")
        if self.latency_factor <= 1:
            raise ValueError(f"latency_factor must be above 1, got {self.latency_factor}")
        if not 0 < self.base <= self.longest:
            raise ValueError("expected 0s < base <= longest")


@dataclass(slots=True)
class _Record:
    row: int = 0
    answers: int = 0
    errors: int = 0
    latency: float = 0.0
    before: tuple[int, int, float] = (0, 0, 0.0)
    ejected_until: float | None = None
    times: int = 0
    good_since: float = 0.0

    @property
    def total(self) -> int:
        return self.answers + self.errors + self.before[0] + self.before[1]

    @property
    def share(self) -> float:
        """The share of errors in this window and the one before."""
        return (self.errors + self.before[1]) / max(self.total, 1)

    @property
    def mean(self) -> float | None:
        """The mean latency of the answers, seconds; None for too few."""
        answers = self.answers + self.before[0]
        return (self.latency + self.before[2]) / answers if answers >= MIN_REQUESTS else None


@dataclass(slots=True)
class Outliers:
    """Owns the records of one pool's nodes; times are seconds of the caller's steady clock."""

    policy: OutlierPolicy
    _records: dict[str, _Record] = field(default_factory=dict)
    _window_at: float | None = None

    def note(self, node: str, latency: float | None) -> None:
        """Count one answer with its latency in seconds, or an error as None."""
        record = self._records.get(node)
        if record is None:
            record = self._records[node] = _Record()
        if latency is None:
            record.errors += 1
            record.row += 1
        else:
            record.answers += 1
            record.latency += latency
            record.row = 0

    def ejected(self, node: str) -> bool:
        """Whether the node is out now."""
        record = self._records.get(node)
        return record is not None and record.ejected_until is not None

    def panics(self, usable: int, nodes: int) -> bool:
        """Whether so few nodes are left that ejections are ignored."""
        return usable < self.policy.panic * nodes

    def step(self, nodes: Iterable[str], now: float) -> Mapping[str, bool]:
        """Eject and bring back; returns the nodes that changed, True for those that are back."""
        if not self.policy.consecutive:
            return {}
        known = {node: self._records.setdefault(node, _Record()) for node in nodes}
        changed: dict[str, bool] = {}
        for node, record in known.items():
            if record.ejected_until is not None and now >= record.ejected_until:
                record.ejected_until, record.good_since, record.row = None, now, 0
                record.answers = record.errors = 0
                record.latency, record.before = 0.0, (0, 0, 0.0)
                changed[node] = True
            elif record.times and record.ejected_until is None and now - record.good_since >= self.policy.base:
                record.times, record.good_since = record.times - 1, now
        for node, record in known.items():
            others = [other for other in known.values() if other is not record]
            if record.ejected_until is None and self._is_bad(record, others) and self._may_eject(known):
                record.times += 1
                record.ejected_until = now + min(self.policy.base * record.times, self.policy.longest)
                changed[node] = False
        self._roll(known.values(), now)
        return changed

    def _is_bad(self, record: _Record, others: list[_Record]) -> bool:
        policy = self.policy
        in_use = [other for other in others if other.ejected_until is None]
        if not in_use:
            return False
        typical = median(other.share for other in in_use)
        if record.share > 2 * typical and (
            record.row >= policy.consecutive or (record.total >= MIN_REQUESTS and record.share >= policy.error_share)
        ):
            return True
        means = [mean for other in in_use if (mean := other.mean) is not None]
        return len(means) >= 2 and record.mean is not None and record.mean > policy.latency_factor * median(means)

    def _may_eject(self, known: Mapping[str, _Record]) -> bool:
        out = sum(record.ejected_until is not None for record in known.values())
        return len(known) >= 2 and out + 1 <= max(1.0, self.policy.max_ejected * len(known))

    def _roll(self, records: Iterable[_Record], now: float) -> None:
        if self._window_at is not None and now - self._window_at < WINDOW:
            return
        self._window_at = now
        for record in records:
            record.before = (record.answers, record.errors, record.latency)
            record.answers = record.errors = 0
            record.latency = 0.0

"""Counts of requests that are made in plain numbers and shown to Prometheus when it asks.

A counter or histogram of the client library costs a lock and a walk over its buckets each time; a request has three of
them. Here a request costs a look-up and a few additions, in the one thread that handles requests.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class _Buckets:
    """How many values lay where, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, size: int) -> None:
        self.counts = [0] * size
        self.total = 0.0


class TallyCounter(Collector):
    """A counter with labels; `counts` may be added to directly, by the values of the labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self.counts: dict[tuple[str, ...], int] = {}
        registry.register(self)

    def note(self, *labels: str) -> None:
        """Count one."""
        self.counts[labels] = self.counts.get(labels, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """Return the counter as Prometheus reads it."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, count in list(self.counts.items()):
            family.add_metric(labels, count)
        return [family]

    describe = collect


class TallyHistogram(Collector):
    """A histogram with labels and fixed upper bounds, in seconds."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        bounds: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._bounds = bounds
        self._buckets: dict[tuple[str, ...], _Buckets] = {}
        registry.register(self)

    def note(self, value: float, *labels: str) -> None:
        """Count a value."""
        buckets = self._buckets.get(labels)
        if buckets is None:
            buckets = self._buckets[labels] = _Buckets(len(self._bounds) + 1)
        buckets.counts[bisect_left(self._bounds, value)] += 1
        buckets.total += value

    def collect(self) -> Iterable[Metric]:
        """Return the histogram as Prometheus reads it: cumulative counts."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, buckets in list(self._buckets.items()):
            cumulative, below = [], 0
            for bound, count in zip([*map(repr, self._bounds), "+Inf"], buckets.counts, strict=True):
                below += count
                cumulative.append((bound, float(below)))
            family.add_metric(labels, cumulative, sum_value=buckets.total)
        return [family]

    describe = collect

"""Counts in plain numbers: Prometheus reads them as it reads its own."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from gateway.telemetry.tally import TallyCounter, TallyHistogram

BOUNDS = (0.1, 1.0)
VALUES = (0.05, 0.1, 0.5, 7.0)


def test_a_counter_reads_like_the_librarys() -> None:
    """The exposition is the same, line by line, but for the time of creation."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = TallyCounter("talon_x", "What.", ["room", "why"], ours)
    counter = Counter("talon_x", "What.", ["room", "why"], registry=theirs)
    for why in ("pass", "queue", "pass"):
        tally.note("booking", why)
        counter.labels("booking", why).inc()
    assert shown(ours) == shown(theirs)


def test_a_histogram_reads_like_the_librarys() -> None:
    """Values on a bound belong below it, counts are cumulative, and the sum is that of the values."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = TallyHistogram("talon_y", "How long.", ["pool"], bounds=BOUNDS, registry=ours)
    histogram = Histogram("talon_y", "How long.", ["pool"], buckets=BOUNDS, registry=theirs)
    for value in VALUES:
        tally.note(value, "primary")
        histogram.labels("primary").observe(value)
    assert shown(ours) == shown(theirs)


def shown(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]

"""From the records of visits to the figures of a peak."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.inputs import BadInput
from loadtests.records import Outcome, VisitRecord
from loadtests.report import aggregate, quantile, read_records


def visit(number: int, outcome: Outcome, **fields: object) -> VisitRecord:
    """A visit that began at second `number` after 100 and took four seconds."""
    return VisitRecord(visit=number, start=100.0 + number, end=104.5 + number, outcome=outcome, **fields)  # type: ignore[arg-type]


SMALL_PEAK = [
    visit(1, Outcome.BOOKED, latencies_ms=[10.0, 20.0], waits=2, waited=8.0, shown_low=5, shown_high=9, realised=8),
    visit(2, Outcome.BOOKED, latencies_ms=[30.0], waits=1, waited=2.0, shown_low=5, shown_high=9, realised=2),
    visit(3, Outcome.BOOKED, latencies_ms=[40.0], waits=1, waited=12.0, shown_low=5, shown_high=9, realised=12),
    visit(3, Outcome.GAVE_UP, errors=5, reloads=4, latencies_ms=[5000.0]),
    visit(4, Outcome.LEFT, waits=3, shown_low=5, shown_high=9),
    visit(5, Outcome.UNFINISHED, waiting_after_admission=1),
]


def test_a_small_peak_adds_up(tmp_path: Path) -> None:
    """Counts, quantiles, shares and series of six visits, through their file."""
    path = tmp_path / "visits.jsonl"
    path.write_bytes(b"".join(record.to_line() for record in reversed(SMALL_PEAK)))
    report = aggregate(read_records(path))
    assert (report.started, report.booked, report.gave_up, report.left, report.unfinished) == (6, 3, 1, 1, 1)
    assert (report.errors, report.reloads, report.errors_per_visit) == (5, 4, 0.833)
    assert (report.latency_p50_ms, report.latency_p95_ms) == (30.0, 5000.0)
    assert (report.waited, report.wait_p50_s, report.wait_p90_s) == (4, 8.0, 12.0)
    assert (report.waits_shown, report.waits_inside, report.waits_not_above) == (3, 0.333, 0.667)
    assert report.waiting_after_admission == 1
    assert report.arrivals == ((101, 1), (102, 1), (103, 2), (104, 1), (105, 1))
    assert report.bookings == ((105, 1), (106, 1), (107, 1))
    assert report.booked_between(105, 107) == 2
    assert orjson.loads(report.to_json())["booked"] == 3


def test_nobody_came() -> None:
    """An empty run has no quantiles and no shares, and does not divide by zero."""
    report = aggregate([])
    assert (report.started, report.errors_per_visit) == (0, 0.0)
    assert report.latency_p95_ms is report.waits_inside is None


def test_a_broken_record_is_named_by_line(tmp_path: Path) -> None:
    """File and line stand in the message."""
    path = tmp_path / "visits.jsonl"
    path.write_bytes(SMALL_PEAK[0].to_line() + b'{"visit":1}\n')
    with pytest.raises(BadInput, match=r"visits\.jsonl, line 2: not a visit record"):
        read_records(path)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_the_smallest_value_that_covers_its_share(values: list[float], share: float) -> None:
    """At least the share lies at or below it, and less than the share strictly below."""
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9

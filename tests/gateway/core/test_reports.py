"""Reports between gateways: read as written, added up, and never trusted to be well formed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reports import Lead, PoolReading, Report, merge
from gateway.core.spillover import OpenReason

amounts = st.floats(0, 1e6)
readings = st.builds(
    PoolReading,
    inside=amounts,
    inflight=amounts,
    limit=amounts,
    queue_wait=st.floats(0, 100),
    healthy=st.booleans(),
    requests_per_s=amounts,
    ended=st.integers(0, 10**9),
    missing=st.floats(0, 1),
)
leads = st.builds(
    Lead,
    at=amounts,
    windows=st.dictionaries(st.sampled_from(["primary", "backup"]), amounts),
    opened=st.dictionaries(st.sampled_from(["backup"]), st.tuples(amounts, st.sampled_from(OpenReason))),
)
reports = st.builds(
    Report,
    pools=st.dictionaries(st.sampled_from(["primary", "backup", "north"]), readings, max_size=3),
    duration=st.floats(0.05, 600),
    requests=st.floats(1, 50),
    ended=st.integers(0, 10**6),
    lead=st.none() | leads,
)


@given(reports)
def test_a_report_survives_the_round_trip(report: Report) -> None:
    """What one gateway writes another reads unchanged."""
    assert Report.from_bytes(report.to_bytes()) == report


def test_a_gateway_of_the_version_before_is_understood() -> None:
    """Its readings have one figure less; nothing is missing there."""
    report = Report.from_bytes(b'{"pools":{"p":[1,2,3,4,5,true,6,7]},"duration":1,"requests":1,"ended":1}')
    assert report is not None
    assert report.pools["p"] == PoolReading(
        inside=1, inflight=2, queued=3, limit=4, queue_wait=5, healthy=True, requests_per_s=6, ended=7
    )


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b"{}", b'{"pools":{"p":[1]}}', b'{"pools":[]}', b"null"]))
def test_anything_else_is_no_report(raw: bytes) -> None:
    """A report of another version, or none, is left out instead of stopping the loop."""
    assert Report.from_bytes(raw) is None


@given(st.lists(reports, max_size=5))
def test_loads_sum_and_the_longest_wait_counts(many: list[Report]) -> None:
    """Inside, inflight, limits, rates and ends add up; a pool is healthy if any gateway finds it so."""
    total = merge(many)
    for name in {name for report in many for name in report.pools}:
        parts = [report.pools[name] for report in many if name in report.pools]
        whole = total.pools[name]
        for field in ("inside", "inflight", "limit", "requests_per_s", "ended"):
            assert getattr(whole, field) == pytest.approx(sum(getattr(part, field) for part in parts))
        assert whole.queue_wait == max(part.queue_wait for part in parts)
        assert whole.healthy is any(part.healthy for part in parts)
    assert total.ended == sum(report.ended for report in many)


@given(st.lists(reports, min_size=1, max_size=5))
def test_what_was_learned_is_weighed_by_what_it_was_learned_from(many: list[Report]) -> None:
    """Duration and requests of all lie between those of each; a gateway with many visits counts for more."""
    total = merge(many)
    assert min(r.duration for r in many) - 1e-6 <= total.duration <= max(r.duration for r in many) + 1e-6
    veteran, beginner = Report(duration=10, requests=4, ended=1000), Report(duration=60, requests=6, ended=0)
    assert merge([beginner, veteran]).duration == pytest.approx(10, abs=0.1)


def test_without_reports_the_first_guesses_stand() -> None:
    """Nothing known is a report of no pools."""
    assert merge([]) == Report()

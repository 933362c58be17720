"""The ledger of visits inside: it counts, learns and forgets, and never holds more than its limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.visits import VisitLedger, VisitPolicy

POLICY = VisitPolicy(duration=60, requests=6, idle=30)


def test_the_first_request_brings_a_visit_inside_and_its_end_takes_it_out() -> None:
    """Requests of one visit are one visit inside; another end of the same visit changes nothing."""
    ledger = VisitLedger(POLICY)
    for second in range(3):
        ledger.note_request("v1", "primary", float(second))
    ledger.note_request("v2", "backup", 1.0)
    assert (ledger.inside("primary"), ledger.inside("backup"), ledger.total) == (1, 1, 2)
    ledger.end("v1", 3.0)
    ledger.end("v1", 4.0)
    ledger.end("nobody", 4.0)
    assert (ledger.inside("primary"), ledger.ended_in("primary"), ledger.ended) == (0, 1, 1)


def test_a_visit_that_changes_pools_is_load_where_it_asks_now() -> None:
    """When its pool fails and a visit goes on elsewhere, it is inside the new pool and ends there."""
    ledger = VisitLedger(POLICY)
    ledger.note_request("v1", "primary", 0.0)
    ledger.note_request("v1", "backup", 1.0)
    assert (ledger.inside("primary"), ledger.inside("backup"), ledger.total) == (0, 1, 1)
    ledger.end("v1", 2.0)
    assert (ledger.ended_in("primary"), ledger.ended_in("backup")) == (0, 1)


def test_costly_requests_count_as_several() -> None:
    """A visit of one plain request and one of cost 3 is learned as four requests."""
    ledger = VisitLedger(POLICY)
    for number in range(300):
        ledger.note_request(f"v{number}", "p", float(number))
        ledger.note_request(f"v{number}", "p", float(number), 3.0)
        ledger.end(f"v{number}", number + 1.0)
    assert ledger.requests == pytest.approx(4.0, abs=0.1)


def test_duration_and_requests_are_learned() -> None:
    """After some hundred visits of 10 s and 4 requests the first guesses are forgotten."""
    ledger = VisitLedger(POLICY)
    for number in range(300):
        for request in range(4):
            ledger.note_request(f"v{number}", "p", number + request * 2.5)
        ledger.end(f"v{number}", number + 10.0)
    assert ledger.duration == pytest.approx(10.0, rel=0.05)
    assert ledger.requests == pytest.approx(4.0, rel=0.05)


def test_a_silent_visit_stops_counting_and_comes_back_as_load() -> None:
    """After `idle` seconds without a request a visit is no load; with its next request it is again."""
    ledger = VisitLedger(POLICY)
    ledger.note_request("v1", "p", 0.0)
    ledger.note_request("v2", "p", 20.0)
    assert ledger.sweep(31.0) == 1
    assert ledger.inside("p") == 1
    ledger.note_request("v1", "p", 40.0)
    assert ledger.inside("p") == 2


def test_a_sweep_is_bounded_and_goes_on_next_time() -> None:
    """One sweep takes out at most its limit; the next ones take out the rest."""
    ledger = VisitLedger(POLICY)
    for number in range(25):
        ledger.note_request(f"v{number}", "p", 0.0)
    assert [ledger.sweep(1000.0, limit=10) for _ in range(4)] == [10, 10, 5, 0]


def test_the_ledger_is_bounded() -> None:
    """Beyond the limit the visit that was silent longest is forgotten, without teaching anything."""
    ledger = VisitLedger(VisitPolicy(max_visits=3))
    for number, visit in enumerate(["a", "b", "c", "a", "d"]):
        ledger.note_request(visit, "p", float(number))
    assert ledger.total == ledger.inside("p") == 3
    ledger.end("b", 9.0)
    assert ledger.ended == 0
    ledger.end("a", 9.0)
    assert ledger.ended == 1


events = st.lists(
    st.tuples(st.sampled_from(["ask", "end", "sweep"]), st.integers(0, 8), st.sampled_from("pq"), st.floats(0, 40)),
    max_size=80,
)


@given(events)
def test_what_is_inside_is_what_was_noted_and_has_not_ended(story: list[tuple[str, int, str, float]]) -> None:
    """Pools sum to the total, nothing is negative, and learned values stay sane, in whatever order things happen."""
    ledger, now = VisitLedger(VisitPolicy(max_visits=5)), 0.0
    for what, number, pool, elapsed in story:
        now += elapsed
        if what == "ask":
            ledger.note_request(f"v{number}", pool, now)
        elif what == "end":
            ledger.end(f"v{number}", now)
        else:
            ledger.sweep(now)
        assert ledger.inside("p") + ledger.inside("q") == ledger.total <= 5
        assert min(ledger.inside("p"), ledger.inside("q")) >= 0
        assert ledger.ended == ledger.ended_in("p") + ledger.ended_in("q")
        assert ledger.duration > 0
        assert ledger.requests >= 1


@pytest.mark.parametrize("values", [{"duration": 0.0}, {"idle": 0.0}, {"requests": 0.5}, {"max_visits": 0}])
def test_impossible_policies_are_refused(values: dict[str, float]) -> None:
    """A ledger that cannot hold or learn anything is refused."""
    with pytest.raises(ValueError, match=next(iter(values))):
        VisitPolicy(**values)  # type: ignore[arg-type]

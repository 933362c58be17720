"""Ended visits: remembered until their passes are over, told to the others for a moment, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ended_visits import MAX_TOLD, TOLD, EndedVisits


def test_an_ended_visit_stays_ended_until_its_last_pass_is_over() -> None:
    """From the end on and until the time that no pass outlives; then it is forgotten."""
    endings = EndedVisits()
    assert not endings.has("v", 100.0)
    endings.end("v", now=100.0, until=1300.0)
    assert endings.has("v", 100.0)
    assert endings.has("v", 1299.0)
    assert not endings.has("v", 1300.0)
    endings.recent(1300.0)
    assert len(endings) == 0


def test_the_others_are_told_for_a_moment() -> None:
    """An end stands in the reports for ten turns, and what was heard from others is not told again."""
    endings = EndedVisits()
    endings.end("mine", now=100.0, until=1300.0)
    endings.hear(["theirs"], until=1300.0)
    assert endings.recent(100.0 + TOLD / 2) == ("mine",)
    assert endings.recent(100.0 + TOLD) == ()
    assert endings.has("mine", 200.0)
    assert endings.has("theirs", 200.0)


@given(st.lists(st.integers(0, 3000), max_size=2000), st.integers(1, 50))
def test_memory_and_reports_are_bounded(visits: list[int], most: int) -> None:
    """However many visits end at once, no more are kept or told than the limits."""
    endings = EndedVisits(most=most)
    for visit in visits:
        endings.end(str(visit), now=100.0, until=1300.0)
        assert len(endings) <= most
    assert len(endings.recent(100.0)) <= MAX_TOLD

"""Slowdown compares each kind of request with itself, so that a new mix of requests is no overload."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.limits.slowdown import MAX_KINDS, Slowdown, kind_of


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/slots/17?day=2", "GET /slots/#"),
        ("POST", "/slots/4711/book", "POST /slots/#/book"),
        ("GET", "/v/0a1b2c3d4e5f60718293", "GET /v/#"),
        ("GET", "/a/b/c/d/e/f/g", "GET /a/b/c/d"),
    ],
)
def test_numbers_and_ids_do_not_make_kinds(method: str, path: str, kind: str) -> None:
    """Requests that differ only in numbers, ids, query or depth are of one kind."""
    assert kind_of(method, path) == kind


def test_a_changed_mix_is_not_a_slowdown() -> None:
    """When cheap requests give way to costly ones the mean latency rises and the slowdown does not."""
    slowdown = Slowdown()
    for cheap, costly in ((90, 10), (10, 90)):
        for _ in range(cheap):
            slowdown.note("GET /page", 0.01)
        for _ in range(costly):
            slowdown.note("POST /book", 0.2)
        assert slowdown.close(idle=False) == pytest.approx(1.0)


def test_twice_as_slow_is_two() -> None:
    """Latencies of twice the base give a slowdown of two, also for a mix."""
    slowdown = Slowdown()
    for factor in (1, 2):
        for _ in range(10):
            slowdown.note("GET /page", 0.01 * factor)
            slowdown.note("POST /book", 0.2 * factor)
        measured = slowdown.close(idle=False)
    assert measured == pytest.approx(2.0)


def test_under_load_the_base_does_not_creep_up() -> None:
    """A long queue does not become the new normal; on an idle node a slower service does, slowly."""
    busy, idle = Slowdown(), Slowdown()
    for turn in range(200):
        for slowdown, calm in ((busy, False), (idle, True)):
            for _ in range(5):
                slowdown.note("GET /", 0.1 if turn == 0 else 0.3)
            measured = slowdown.close(idle=calm)
            if turn == 199:
                assert measured == pytest.approx(3.0 if not calm else 1.0, rel=0.01)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=80), st.booleans())
def test_the_slowdown_is_never_below_one(noted: list[tuple[str, float]], calm: bool) -> None:
    """A node is never faster than its own best."""
    slowdown = Slowdown()
    for kind, latency in noted:
        slowdown.note(kind, latency)
        assert slowdown.close(idle=calm) >= 1.0


def test_the_kinds_are_bounded() -> None:
    """Invented paths share one kind beyond the limit."""
    slowdown = Slowdown()
    for number in range(3 * MAX_KINDS):
        slowdown.note(f"GET /{'x' * number}", 0.1)
    assert len(slowdown._kinds) == MAX_KINDS + 1
    assert slowdown.close(idle=False) == pytest.approx(1.0)

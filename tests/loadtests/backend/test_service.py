"""The service model: how many are served at once, in which order, and how fast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.backend.service import Served, ServiceModel, ServicePool

ARRIVALS = st.lists(
    st.tuples(st.floats(0, 2), st.sampled_from([0.5, 1.0, 2.0]), st.booleans()), min_size=1, max_size=60
)
MODELS = st.builds(
    ServiceModel,
    workers=st.integers(1, 5),
    service_time=st.floats(0.01, 0.5),
    contention=st.floats(0, 0.1),
    backlog=st.integers(0, 20),
    warmup=st.sampled_from([0.0, 3.0]),
    cold_factor=st.floats(1, 4),
)


def play(model: ServiceModel, offers: list[tuple[float, float, bool]]) -> tuple[list[Served], set[int]]:
    """Offer requests after gaps; some callers look at the pool in between, some do not."""
    pool, now, served, taken = ServicePool(model), 0.0, [], set()
    for gap, weight, looks in offers:
        now += gap
        if looks:
            served += pool.advance(now)
        number = pool.offer(now, weight)
        if number is not None:
            taken.add(number)
    while (due := pool.next_finish()) is not None:
        served += pool.advance(due)
    served += pool.advance(now)
    return served, taken


@given(MODELS, ARRIVALS)
def test_never_more_in_service_than_workers(model: ServiceModel, offers: list[tuple[float, float, bool]]) -> None:
    """At no instant do more requests hold a worker than there are workers."""
    served, _ = play(model, offers)
    edges = sorted([(s.started_at, 1) for s in served] + [(s.finished_at, -1) for s in served])
    held = 0
    for _, change in edges:
        held += change
        assert held <= model.workers


@given(MODELS, ARRIVALS)
def test_served_in_order_and_none_lost(model: ServiceModel, offers: list[tuple[float, float, bool]]) -> None:
    """Requests start in the order in which they came, and each one taken in is served exactly once."""
    served, taken = play(model, offers)
    assert {s.number for s in served} == taken
    assert len(served) == len(taken)
    starts = [s.started_at for s in sorted(served, key=lambda s: s.number)]
    assert starts == sorted(starts)
    assert all(s.offered_at <= s.started_at <= s.finished_at for s in served)


@given(MODELS, ARRIVALS)
def test_no_worker_idles_while_a_request_waits(model: ServiceModel, offers: list[tuple[float, float, bool]]) -> None:
    """A request that had to wait starts at the very instant another one finishes, however late anybody looks."""
    served, _ = play(model, offers)
    finishes = {s.finished_at for s in served}
    assert all(s.started_at in finishes for s in served if s.started_at > s.offered_at)


@given(ARRIVALS)
def test_looking_changes_nothing(offers: list[tuple[float, float, bool]]) -> None:
    """The course of events does not depend on when the pool is looked at."""
    model = ServiceModel(workers=2, contention=0.01)
    watched, _ = play(model, [(gap, weight, True) for gap, weight, _ in offers])
    unwatched, _ = play(model, [(gap, weight, False) for gap, weight, _ in offers])
    assert sorted(watched, key=lambda s: s.number) == sorted(unwatched, key=lambda s: s.number)


def test_capacity_is_workers_over_service_time() -> None:
    """A warm pool kept just busy without contention serves exactly its capacity."""
    model = ServiceModel(workers=4, service_time=0.04, contention=0)
    pool = ServicePool(model)
    for _ in range(1000):
        assert pool.offer(0.0, 1.0) is not None
    assert len(pool.advance(5.0001)) == pytest.approx(5 * model.capacity)


def test_a_crowd_makes_service_slower() -> None:
    """With a hundred waiting and 0.4 % contention a request takes 1.4 times as long."""
    model = ServiceModel(service_time=0.1, contention=0.004)
    assert model.duration(1.0, waiting=100, since_first=0) == pytest.approx(0.14)


def test_a_cold_backend_warms_up_in_a_straight_line() -> None:
    """The cold factor falls from its full value to 1 over the warm-up and stays there."""
    model = ServiceModel(warmup=10, cold_factor=3)
    assert [model.cold(t) for t in (0, 5, 10, 99)] == [3, 2, 1, 1]


def test_a_full_backlog_refuses_at_once() -> None:
    """One in service and two waiting fill a pool of one worker and a backlog of two."""
    pool = ServicePool(ServiceModel(workers=1, backlog=2, service_time=1))
    assert [pool.offer(0.0, 1.0) for _ in range(4)] == [1, 2, 3, None]
    assert (pool.inflight, pool.waiting) == (1, 2)
    assert pool.offer(1.5, 1.0) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [("workers", 0), ("service_time", 0), ("contention", -0.1), ("backlog", -1), ("warmup", -1), ("cold_factor", 0.5)],
)
def test_impossible_models_are_refused_by_name(field: str, value: float) -> None:
    """A value out of range is refused with the name of its field."""
    with pytest.raises(ValueError, match=field):
        ServiceModel(**{field: value})  # type: ignore[arg-type]

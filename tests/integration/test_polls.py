"""Status polls of a real gateway: what one core answers, and that the store does not hear of them."""

from collections.abc import Iterator

import pytest

from tests.bench.polls import Stand, stand
from tests.conftest import require

pytestmark = pytest.mark.integration

PER_CORE = 10_000
LOOPS = 25
"""Scripts a second that one gateway runs with nobody there: two per tick of its loop and a few each second."""


@pytest.fixture(scope="module")
def polled() -> Iterator[Stand]:
    """A gateway with 2,000 visits that wait."""
    require("wrk", "wrk")
    with stand(2000) as made:
        yield made


@pytest.mark.parametrize("tickets", [0, 2000], ids=["without a ticket", "with tickets"])
def test_a_core_answers_ten_thousand_polls_a_second(polled: Stand, tickets: int) -> None:
    """By the gateway's own account of processor time; the best of five runs, since neighbours only add to it."""
    runs = [polled.polled(1.0, tickets=tickets) for _ in range(5)]
    assert not any(run.failed for run in runs)
    assert max(run.per_core for run in runs) >= PER_CORE, [round(run.per_core) for run in runs]


@pytest.mark.parametrize("tickets", [0, 2000], ids=["without a ticket", "with tickets"])
def test_the_store_does_not_hear_of_polls(polled: Stand, tickets: int) -> None:
    """Thousands of polls a second leave the store with the loops' own ticks, and one batch of heartbeats a second."""
    before = polled.scripts()
    run = polled.polled(3.0, tickets=tickets)
    scripts = polled.scripts() - before
    assert run.answers > 3000
    assert scripts <= LOOPS * (run.seconds + 1), f"{scripts} scripts for {run.answers} polls in {run.seconds:.1f} s"

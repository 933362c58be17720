"""The store's server is killed in the middle of a rush."""

import threading
import time
from collections import Counter

import pytest

from tests.integration.order import in_order, let_in, places
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import gone, wait_for
from tests.integration.visitor import Visitor

pytestmark = pytest.mark.integration

SERVER = "store.sock"


class Rush:
    """Visits that were let in and go on all the time; counts what they are answered."""

    def __init__(self, visitors: list[Visitor]) -> None:
        self.answers: Counter[int] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(visitor,)) for visitor in visitors]

    def __enter__(self) -> "Rush":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15.0)

    def _go_on(self, visitor: Visitor) -> None:
        while not self._stop.is_set():
            self.answers[visitor.ask("/doctors/1/slots").status] += 1

    def more(self, count: int) -> None:
        """Wait for `count` further answers."""
        before = self.answers.total()
        wait_for(lambda: self.answers.total() >= before + count, 15.0, f"{count} more answers")


@pytest.fixture
def busy(portal: Portal) -> Gateway:
    portal.start_backend("--workers", 2, "--service-time", "20ms")
    return portal.start_gateway()


def test_a_killed_store_takes_nobodys_place_and_stops_no_visit(busy: Gateway) -> None:
    """kill -9 of the store: passes go on without one error, places and their order are kept, calls go on."""
    busy.control("rate", 50.0)
    admitted = busy.inside(3)
    busy.control("pause")
    crowd = busy.crowd(12)
    before = places(crowd)
    with Rush(admitted) as rush:
        rush.more(20)
        server = busy.child.grandchild(SERVER)
        server.kill()
        assert gone([server]) or wait_for(lambda: gone([server]))
        rush.more(20)
        wait_for(lambda: "store_restarted" in busy.child.err, 10.0, "the gateway starts the store again")
        wait_for(lambda: busy.metric("talon_store_up") == 1.0, 10.0, "the store answers again")
        rush.more(20)
    assert set(rush.answers) == {200}
    assert busy.child.grandchild(SERVER).pid != server.pid
    assert [number for number, _ in before] == list(range(before[0][0], before[0][0] + 12))
    assert places(crowd) == before
    busy.control("rate", 20.0)
    assert in_order(let_in(crowd))


def test_while_the_store_is_gone_the_waiting_keep_their_tickets(busy: Gateway) -> None:
    """Whoever asks while the store cannot be started is told to come back, keeps the ticket, and sees no error page."""
    busy.control("pause")
    crowd = busy.crowd(3)
    tickets = [visitor.cookies["talon_ticket"] for visitor in crowd]
    newcomer = Visitor(busy.visitors)
    server = busy.child.grandchild(SERVER)
    server.suspend()  # it neither answers nor ends: the worst a store can do
    try:
        wait_for(lambda: busy.metric("talon_store_up") == 0.0, 10.0, "the gateway sees that the store is silent")
        started = time.monotonic()
        answers = [visitor.ask() for visitor in [*crowd, newcomer]]
        assert time.monotonic() - started < 4.0, "nobody waits for a store that is known to be gone"
        assert {(a.status, a.json()["code"]) for a in answers} == {(503, "store_down")}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
        page = crowd[0].ask(Accept="text/html")
        assert page.status == 202
        assert newcomer.ask("/_talon/status").json()["store_up"] is False
    finally:
        server.resume()
    assert [visitor.cookies["talon_ticket"] for visitor in crowd] == tickets
    wait_for(lambda: busy.metric("talon_store_up") == 1.0, 10.0, "the store answers again")
    assert places([*crowd, newcomer]) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    busy.control("rate", 20.0)
    assert in_order(let_in([*crowd, newcomer]))

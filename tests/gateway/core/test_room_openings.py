"""One gateway's picture of an opening: positions, who waits for it, and what may be called meanwhile."""

from dataclasses import replace

import pytest

from gateway.core.admission import AdmissionPolicy
from gateway.core.cohort import Cohort
from gateway.core.lanes import LanePolicy
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.presence import PresenceProfile
from gateway.core.reports import PoolReading, Report
from gateway.core.room import LaneView, RoomView
from gateway.core.room_openings import RoomOpenings, callable_lanes
from gateway.core.ticket import Ticket
from gateway.core.visits import VisitPolicy

SEED = bytes(range(32))
PENDING = Cohort(opens_at=1000, seed=SEED, ranges={"regular": (10, 0)})
OPENED = replace(PENDING, opened=True, ranges={"regular": (10, 30)})
POLICY = RoomPolicy(
    lanes={"regular": LanePolicy()}, admission=AdmissionPolicy(), visits=VisitPolicy(), pools={"primary": None}
)


def ticket(number: int, epoch: str = "e1") -> Ticket:
    return Ticket(room="booking", epoch=epoch, lane="regular", number=number, joined_at=0)


def view(cohort: Cohort | None, now: float = 990.0, epoch: str = "e1", **lane: float) -> RoomView:
    counts = {"issued": 30, "serving": 4, "head_joined_at": 500.0, **lane}
    report = Report(pools={"primary": PoolReading(limit=50)}, duration=10, requests=5, ended=50)
    return RoomView(
        room="booking",
        epoch=epoch,
        now=now,
        leader=True,
        lanes={"regular": LaneView(**counts)},  # type: ignore[arg-type]
        reports={"me": report.to_bytes()},
        cohort=cohort,
    )


def test_a_gateway_sees_the_opening_once() -> None:
    """The first view with the opened cohort says so; in another life of the room nothing of it is known."""
    openings = RoomOpenings()
    assert [openings.observe(view(cohort)) for cohort in (None, PENDING, PENDING, OPENED, OPENED)] == [0, 0, 0, 1, 0]
    openings.observe(view(None))
    assert (openings.cohort, openings.known) == (None, OPENED)
    openings.observe(view(None, epoch="e2"))
    assert openings.known is None


def test_a_ticket_of_another_epoch_is_not_of_the_cohort() -> None:
    """Its number means nothing here: it is neither held back nor shuffled."""
    openings = RoomOpenings()
    openings.observe(view(PENDING))
    assert (openings.holds_back(ticket(20)), openings.holds_back(ticket(20, "e0"))) == (True, False)
    openings.observe(view(OPENED))
    assert openings.position(ticket(20)) == OPENED.position("regular", 20) != 20
    assert openings.position(ticket(20, "e0")) == 20


def test_places_ahead_are_unknown_before_and_positions_after_the_opening() -> None:
    """Who came before the pre-queue sees its place all the time; the cohort after the opening; the late behind it."""
    room = LiveRoom(name="booking", policy=POLICY)
    room.observe(view(PENDING))
    assert [room.ahead(ticket(number)) for number in (5, 10, 11, 30)] == [0, 5, None, None]
    assert room.wait(ticket(20)) is None
    assert room.newcomer_wait("regular") is None
    room.observe(view(OPENED, issued=35))
    assert sorted(room.ahead(ticket(n)) or 0 for n in range(11, 31)) == list(range(6, 26))
    assert room.ahead(ticket(20)) == OPENED.position("regular", 20) - 5
    assert room.ahead(ticket(31)) == 26


def test_in_the_pre_queue_only_the_former_places_are_due_and_no_credit_is_given() -> None:
    """The leader wants calls for six old places and no more, and with none of them gives neither calls nor credit."""
    room = LiveRoom(name="booking", policy=POLICY)
    called = 0
    for number in range(50):
        seen = view(PENDING, now=900 + number / 10)
        room.observe(seen)
        calls = room.step(seen)
        called = max(called, sum(calls.wanted.values()))
        assert calls.credit == 0
    assert 1 <= called <= 6
    for number in range(50):
        seen = view(PENDING, now=910 + number / 10, serving=10)
        room.observe(seen)
        calls = room.step(seen)
        assert (sum(calls.wanted.values()), calls.credit) == (0, 0)


@pytest.mark.parametrize(
    ("cohort", "serving", "since"), [(None, 4, 500.0), (OPENED, 4, 500.0), (OPENED, 15, 1000.0), (OPENED, 30, 500.0)]
)
def test_coming_early_gives_a_lane_no_priority(cohort: Cohort | None, serving: int, since: float) -> None:
    """While the cohort is called its head counts as waiting since the opening."""
    assert callable_lanes(view(cohort, serving=serving))["regular"].head_joined_at == since


def test_the_rate_of_before_is_forgotten_at_the_opening() -> None:
    """What was measured while nobody was called does not make the first estimates wrong."""
    room = LiveRoom(name="booking", policy=POLICY)
    for number in range(20):
        room.observe(view(PENDING, now=980 + number, serving=10))
    assert room.lane_rate("regular") == 0
    room.observe(view(OPENED, now=1000.0, serving=10))
    assert room.lane_rate("regular") is None


def test_those_ahead_are_counted_by_the_share_that_turned_out_present() -> None:
    """Half of the cohort is away: after 200 positions with 100 calls about half of the rest counts as ahead."""
    cohort = replace(PENDING, opened=True, ranges={"regular": (10, 1010)})
    openings = RoomOpenings()
    openings.observe(view(cohort, issued=1010, serving=10, calls=7))
    before, later = LaneView(issued=1010, serving=10), LaneView(issued=1010, serving=210)
    assert openings.ahead("regular", before, 511, None) == 500
    openings.observe(view(cohort, issued=1010, serving=210, calls=107))
    assert openings.ahead("regular", later, 1010, None) == pytest.approx(400, abs=90)


def test_the_profile_of_numbers_counts_before_and_behind_the_cohort_only() -> None:
    """Of ten old places two are there, of ten late ones five; the twenty between are taken as present at first."""
    counts = (1, 1) + (0,) * 28 + (1, 0) * 5
    profile = PresenceProfile(first=1, block=1, end=41, counts=counts)
    openings = RoomOpenings()
    openings.observe(view(OPENED, issued=40, serving=0))
    lane = LaneView(issued=40, serving=0)
    assert [openings.ahead("regular", lane, n, profile) for n in (1, 3, 11, 12, 31, 33, 41)] == [0, 2, 2, 3, 22, 23, 27]

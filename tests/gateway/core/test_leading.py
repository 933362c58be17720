"""Gateways that follow choose pools by what the leader calls by, whatever they have learned themselves."""

from dataclasses import replace

import pytest

from gateway.core.admission import AdmissionPolicy, PoolAdmission, RateReason
from gateway.core.control import Control
from gateway.core.lanes import LanePolicy
from gateway.core.leading import Sight, follow, lead
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.reports import Lead, PoolReading, Report
from gateway.core.room import LaneView, RoomView
from gateway.core.spillover import OpenReason, Spillover, SpilloverPolicy
from gateway.core.visits import VisitPolicy

POOLS = {"primary": PoolReading(inside=110, limit=50), "backup": PoolReading(inside=60, limit=50)}
CALLED = Lead(at=1000.0, windows={"primary": 100.0, "backup": 200.0}, opened={"backup": (990.0, OpenReason.PRESSURE)})


def room() -> LiveRoom:
    policy = RoomPolicy(
        lanes={"regular": LanePolicy(target_wait=600)},
        admission=AdmissionPolicy(),
        visits=VisitPolicy(duration=10, requests=5),
        pools={"primary": None, "backup": SpilloverPolicy(hold=30)},
    )
    return LiveRoom(name="booking", policy=policy)


def view(*leads: Lead | None, leader: bool = False) -> RoomView:
    reports = {str(number): Report(pools=POOLS, lead=each).to_bytes() for number, each in enumerate(leads)}
    return RoomView(
        room="booking", epoch="e", now=1000, leader=leader, lanes={"regular": LaneView(issued=9)}, reports=reports
    )


def test_a_backup_that_the_leader_holds_open_gets_the_visits_called_for_it() -> None:
    """By its own windows of 20 a gateway that was away would find the backup closed, and fill the primary."""
    away = room()
    away.observe(view(None))
    assert away.pick_pool() == "primary"
    away.observe(view(CALLED))
    assert (away.admissions["backup"].window, away.open_share("backup")) == (200, 1.0)
    assert away.pick_pool() == "backup"


def test_the_leader_goes_by_its_own_windows() -> None:
    """What another said last, before its lease ended, does not bind the gateway that leads now."""
    leader = room()
    leader.observe(view(CALLED, leader=True))
    assert leader.admissions["backup"].window == AdmissionPolicy().initial_window


def test_of_two_leads_the_later_counts() -> None:
    """A leader that froze has left a report behind; the windows of the new one are in force."""
    follower = room()
    follower.observe(view(replace(CALLED, at=1001, windows={"primary": 150.0}), CALLED))
    assert follower.admissions["primary"].window == 150


def test_only_the_leader_says_what_it_leads_by() -> None:
    """The report of a follower has no lead, so that its guesses spread nowhere."""
    live = room()
    live.observe(view(None))
    assert live.report({}).lead is None
    live.observe(view(None, leader=True))
    said = live.report({}).lead
    assert said is not None
    assert said.windows == {"primary": 20, "backup": 20}


def test_what_one_leads_by_another_follows_to_the_letter() -> None:
    """Windows and open backups arrive as they were sent; a backup that the leader closed is closed."""
    spillovers = {"backup": Spillover(SpilloverPolicy())}
    spillovers["backup"].adopt((5.0, OpenReason.FAILURE), 6.0)
    mine = {"backup": PoolAdmission(AdmissionPolicy(), window=33.0)}
    theirs, other = {"backup": PoolAdmission(AdmissionPolicy())}, {"backup": Spillover(SpilloverPolicy())}
    follow(lead(mine, spillovers, 7.0), theirs, other, 7.0)
    assert theirs["backup"].window == pytest.approx(33)
    assert (other["backup"].opened_at, other["backup"].reason) == (5.0, OpenReason.FAILURE)
    spillovers["backup"].adopt(None, 8.0)
    follow(lead(mine, spillovers, 8.0), theirs, other, 8.0)
    assert other["backup"].opened_at is None


def test_a_pool_that_the_leader_does_not_know_stays_as_it_is() -> None:
    """While a new configuration is rolled out, the gateways' pools differ."""
    mine, spare = {"new": PoolAdmission(AdmissionPolicy())}, {"new": Spillover(SpilloverPolicy())}
    spare["new"].adopt((5.0, OpenReason.FORECAST), 6.0)
    follow(CALLED, mine, spare, 7.0)
    assert mine["new"].window == AdmissionPolicy().initial_window
    assert spare["new"].opened_at == 5.0


@pytest.mark.parametrize("jump", [60.0, -60.0, 3600.0, 5.0])
def test_nobody_is_called_until_the_others_have_reported_again(jump: float) -> None:
    """After a jump of the clock only the own report is there: by it the room would seem empty."""
    leader = room()
    now, called = 1000.0, []
    for number in range(30):
        now += 0.1 + (jump if number == 10 else 0.0)
        seen = RoomView(
            room="booking",
            epoch="e",
            now=now,
            leader=True,
            lanes={"regular": LaneView(issued=500)},
            reports={"me": Report(pools={"primary": PoolReading(limit=50)}).to_bytes()},
        )
        leader.observe(seen)
        calls = leader.step(seen)
        called.append(sum(calls.wanted.values()) + calls.credit)
    assert sum(called[:10]) > 0
    assert sum(called[10:20]) == 0
    assert sum(called[20:]) > 0


def test_what_an_operator_has_set_holds_and_ends_although_others_are_not_seen() -> None:
    """A rate by hand that has ended during the gap is not shown for a second more."""
    leader = room()
    by_hand = Control(action="rate", rate=2.5, author="Ann", reason="storm", until=1010.0)
    for now in (1000.0, 1000.1, 1011.0):
        seen = replace(view(None, leader=True), now=now, control=by_hand.to_bytes())
        leader.observe(seen)
        leader.step(seen)
    assert leader.reason is not RateReason.MANUAL
    assert leader.rate != 2.5


def test_a_tick_that_comes_a_little_late_is_no_gap() -> None:
    """Reports count for three seconds; a busy second hides none of them."""
    sight = Sight()
    assert [sight.clear(now) for now in (0.0, 1.0, 2.9, 3.0)] == [True] * 4
    assert [sight.clear(now) for now in (5.1, 6.0, 6.2)] == [False, False, True]

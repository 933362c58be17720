"""A room as one gateway sees it: what it learns from views, where it sends visits, and what the leader calls."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from forecasting.contract import ForecastRecord, PlanStep
from gateway.core.admission import AdmissionPolicy, RateReason
from gateway.core.control import Control
from gateway.core.lanes import LanePolicy
from gateway.core.live_room import Calls, LiveRoom, RoomPolicy
from gateway.core.pacing import LEAST
from gateway.core.reports import PoolReading, Report
from gateway.core.room import LaneView, RoomView
from gateway.core.spillover import OpenReason, SpilloverPolicy
from gateway.core.ticket import Ticket
from gateway.core.visits import VisitPolicy

LANES = {"urgent": LanePolicy(target_wait=60), "regular": LanePolicy(target_wait=600)}
POLICY = RoomPolicy(
    lanes=LANES,
    admission=AdmissionPolicy(),
    visits=VisitPolicy(duration=10, requests=5),
    pools={"primary": None, "backup": SpilloverPolicy(warmup=10, patience=2, hold=30)},
)
IDLE = PoolReading(limit=10)
BUSY = PoolReading(inside=20, inflight=10, queued=5, limit=10, queue_wait=0.5, requests_per_s=50)


def view(
    now: float = 1000.0,
    waiting: int = 0,
    pools: Mapping[str, PoolReading] | None = None,
    control: Control | None = None,
    **lane: int,
) -> RoomView:
    report = Report(pools=pools or {"primary": IDLE, "backup": IDLE}, duration=10, requests=5, ended=50)
    regular = LaneView(issued=waiting, **lane)
    return RoomView(
        room="booking",
        epoch="e1",
        now=now,
        leader=True,
        lanes={"urgent": LaneView(), "regular": regular},
        reports={"me": report.to_bytes()},
        control=control.to_bytes() if control else b"",
    )


def room(policy: RoomPolicy = POLICY) -> LiveRoom:
    return LiveRoom(name="booking", policy=policy)


def tick(live: LiveRoom, seen: RoomView) -> Calls:
    live.observe(seen)
    return live.step(seen)


def play(live: LiveRoom, seconds: float, **changes: object) -> int:
    """Tick for so long with the same facts; returns all calls."""
    begin = live.view.now if live.view else 1000.0
    called = 0
    for number in range(1, round(seconds * 10) + 1):
        called += sum(tick(live, view(begin + number / 10, **changes)).wanted.values())  # type: ignore[arg-type]
    return called


def record(now: float, *, rate: float | None = 2.0, share: float = 0.0, age: float = 3600.0) -> ForecastRecord:
    steps = tuple(
        PlanStep(
            at=now + 60 * n,
            q10=1,
            q50=2,
            q90=3,
            q95=4,
            admission_rate=rate,
            pool_share={"primary": 1 - share, "backup": share} if n >= 1 else {"primary": 1.0},
        )
        for n in range(10)
    )
    return ForecastRecord(
        room="booking",
        version="v1",
        model="m",
        made_at=now,
        expires_at=now + age,
        step_seconds=60,
        capacity={"primary": 2.0, "backup": 2.0},
        steps=steps,
    )


def test_visits_that_wait_are_called_at_the_rate_of_the_window() -> None:
    """With an idle pool, calls follow the rate and sum to it without drift."""
    live, due = room(), 0.0
    called = 0
    for number in range(100):
        called += sum(tick(live, view(1000 + number / 10, waiting=500)).wanted.values())
        due += live.rate * 0.1
    assert live.rate > 1
    assert due - 1 <= called <= due + 1 + LEAST


def test_credit_is_given_when_nobody_waits() -> None:
    """What is due and not called is credit for those who come before the next tick; with waiters there is none."""
    live = room()
    calls = Calls(wanted={}, credit=0)
    for number in range(20):
        calls = tick(live, view(1000 + number / 10))
    assert calls.credit >= 1
    assert sum(calls.wanted.values()) == 0
    assert tick(room(), view(waiting=500)).credit == 0


def test_credit_that_was_used_counts_as_called() -> None:
    """Joins that used up the credit are calls: the bucket does not give them twice."""
    live, calls = room(), Calls(wanted={}, credit=0)
    for number in range(20):
        calls = tick(live, replace(view(1000 + number / 10), credit=calls.credit))
    level = live.pacer.level
    assert calls.credit >= 2
    tick(live, replace(view(1002), credit=1))
    assert live.pacer.level == pytest.approx(level - (calls.credit - 1) + live.rate * 0.1)


def test_an_operators_pause_stops_all_calls_and_ends_by_itself() -> None:
    """Paused, nobody is called and no credit given; after its end the room goes on."""
    live = room()
    pause = Control(action="pause", author="Ann", reason="storm", until=1020.0)
    play(live, 5, waiting=50)
    assert play(live, 10, waiting=50, control=pause) == 0
    assert live.reason is RateReason.PAUSED
    assert live.paused
    assert live.wait(Ticket(room="booking", epoch="e1", lane="regular", number=9, joined_at=0)) is None
    assert play(live, 10, waiting=50, control=pause) > 0


def test_a_rate_by_hand_is_kept() -> None:
    """The operator's rate rules whatever the pools say."""
    by_hand = Control(action="rate", rate=3.0, author="Ann", reason="test", until=2000.0)
    live = room()
    assert play(live, 20, waiting=900, control=by_hand) == pytest.approx(60 + LEAST, abs=1)
    assert live.reason is RateReason.MANUAL


def test_without_a_healthy_pool_the_room_pauses() -> None:
    """All nodes gone: nobody is called into nothing, and the room says that it stands."""
    down = replace(IDLE, healthy=False)
    live = room()
    assert play(live, 5, waiting=50, pools={"primary": down, "backup": down}) == 0
    assert live.paused


def test_the_plan_caps_the_rate_and_its_absence_is_said() -> None:
    """A fresh record limits the calls to the plan with its slack; a stale one leaves measurement alone."""
    live = room()
    play(live, 1, waiting=500)
    assert live.reason is RateReason.NO_FORECAST
    live.record = record(1000.0, rate=1.0, age=20.0)
    play(live, 5, waiting=500)
    # The primary's half of the plan: 0.5/s, and a quarter of slack.
    assert live.rate == pytest.approx(0.625)
    assert live.reason is RateReason.FORECAST
    play(live, 30, waiting=500)
    assert live.reason is RateReason.NO_FORECAST
    assert live.rate > 1


def test_a_configured_capacity_replaces_the_plan() -> None:
    """Capacity in requests/s per pool is turned into visits by the learned requests per visit."""
    live = room(replace(POLICY, capacity=4.0))
    play(live, 20, waiting=500)
    assert live.rates["primary"].rate == pytest.approx(4.0 / 5)


def test_the_forecast_opens_the_backup_within_its_warm_up() -> None:
    """A share planned for the backup opens it as soon as the step is within the warm-up, not before."""
    live = room()
    live.record = record(1000.0, share=0.4)
    play(live, 49)
    assert live.open_share("backup") == 0.0
    play(live, 2)
    assert live.spillovers["backup"].reason is OpenReason.FORECAST
    assert live.open_share("backup") > 0
    assert live.open_share("primary") == 1.0


def test_a_full_primary_with_waiters_opens_the_backup() -> None:
    """Measured pressure opens the backup after its patience, and its window takes calls."""
    live = room()
    play(live, 5, waiting=300, pools={"primary": BUSY, "backup": IDLE})
    assert live.spillovers["backup"].reason is OpenReason.PRESSURE
    assert live.rates["backup"].rate > 0


def test_a_failed_primary_sends_everybody_to_the_backup() -> None:
    """With no healthy primary the backup is open fully and every newcomer goes there."""
    live = room()
    play(live, 0.2, waiting=3, pools={"primary": replace(IDLE, healthy=False), "backup": IDLE})
    assert live.open_share("backup") == 1.0
    assert live.pick_pool() == "backup"


def newcomers(live: LiveRoom, count: int, at: float) -> list[str]:
    chosen = []
    for number in range(count):
        chosen.append(live.pick_pool())
        live.ledger.note_request(f"v{at}-{number}", chosen[-1], at)
    return chosen


def test_a_false_alarm_costs_the_backup_its_trickle() -> None:
    """A backup that the forecast has opened gets a tenth of the visits while nobody waits, a closed one none."""
    live = room()
    tick(live, view())
    assert live.pick_pool() == "primary"
    live.record = record(1000.0, share=0.4)
    for number in range(700):
        tick(live, view(1000 + number / 10))
    assert newcomers(live, 50, 1070.0).count("backup") == 5


def test_with_people_waiting_the_pool_used_least_takes_the_newcomers() -> None:
    """The primary fills up first; from then on both fill in proportion to their windows."""
    live = room()
    live.record = record(1000.0, share=0.4)
    for number in range(700):
        tick(live, view(1000 + number / 10, waiting=300))
    window = int(live.admissions["primary"].window)
    assert set(newcomers(live, window - 10, 1070.0)[20:]) <= {"primary", "backup"}
    rest = newcomers(live, 400, 1071.0)
    assert rest.count("backup") > rest.count("primary")


def test_reports_carry_the_own_ledger() -> None:
    """A gateway reports the visits that it holds inside and what it learned from those that ended."""
    live = room()
    live.ledger.note_request("v1", "primary", 0.0)
    live.ledger.note_request("v2", "primary", 0.0)
    live.ledger.end("v2", 4.0)
    report = live.report({"primary": BUSY, "unknown": IDLE})
    assert set(report.pools) == {"primary"}
    assert (report.pools["primary"].inside, report.pools["primary"].ended, report.ended) == (1, 1, 1)
    assert report.pools["primary"].queue_wait == BUSY.queue_wait


def test_positions_count_those_ahead() -> None:
    """Ahead are the numbers not yet called before the own one, and those who returned."""
    live = room()
    assert live.ahead(Ticket(room="booking", epoch="e1", lane="regular", number=9, joined_at=0)) is None
    tick(live, view(waiting=20, serving=4, returning=2))
    aheads = [
        live.ahead(Ticket(room="booking", epoch="e1", lane="regular", number=n, joined_at=0)) for n in (3, 5, 6, 20)
    ]
    assert aheads == [2, 2, 3, 17]
    assert live.ahead(Ticket(room="booking", epoch="e1", lane="closed", number=9, joined_at=0)) is None


def test_the_wait_follows_the_place() -> None:
    """Who is further back is shown a later range; without the store none is shown."""
    live = room()
    play(live, 20, waiting=400)
    near, far = (
        live.wait(Ticket(room="booking", epoch="e1", lane="regular", number=n, joined_at=0)) for n in (10, 300)
    )
    assert near is not None
    assert far is not None
    assert near.high < far.low
    live.store_up = False
    assert live.wait(Ticket(room="booking", epoch="e1", lane="regular", number=10, joined_at=0)) is None


def test_heartbeats_are_kept_once_each() -> None:
    """A visit that polls often is one heartbeat until the next flush."""
    live = room()
    for number in (3, 3, 5):
        live.note_heartbeat(Ticket(room="booking", epoch="e1", lane="regular", number=number, joined_at=0))
    assert live.heartbeats == {"regular": {3, 5}}


def test_who_follows_learns_but_gives_nothing_back() -> None:
    """A gateway that does not lead steps too, so that it can lead at once with what all have learned."""
    leader, follower = room(), room()
    for number in range(100):
        seen = view(1000 + number / 10, waiting=500)
        tick(leader, seen)
        tick(follower, replace(seen, leader=False))
    assert follower.rate == pytest.approx(leader.rate)
    assert follower.admissions["primary"].window == pytest.approx(leader.admissions["primary"].window)

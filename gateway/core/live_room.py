"""A room as one gateway sees it: the last view of the store, what was learned, and the step of the leader.

Every gateway observes; the one that leads also steps: facts of all gateways in, calls out. Nothing here does I/O.
Times are seconds of the store's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf

from forecasting.contract import ForecastRecord
from gateway.core.admission import STOPS, AdmissionPolicy, PoolAdmission, PoolFacts, PoolRate, RateReason, VisitFacts
from gateway.core.control import Control
from gateway.core.ended_visits import EndedVisits
from gateway.core.eta import CallRate, Wait
from gateway.core.lanes import LanePolicy, LaneScheduler
from gateway.core.leading import Sight, follow, lead
from gateway.core.no_show import NoShow
from gateway.core.opening import open_backups, planned_rates, usable
from gateway.core.pacing import LEAST, Pacer
from gateway.core.pool_choice import PoolChoice, PoolUse
from gateway.core.presence import PresenceProfile
from gateway.core.reports import PoolReading, Report, merge
from gateway.core.room import LaneView, RoomView
from gateway.core.room_openings import RoomOpenings, callable_lanes, somebody_due
from gateway.core.spillover import Spillover, SpilloverPolicy
from gateway.core.supply import Supply
from gateway.core.ticket import Ticket
from gateway.core.visits import VisitLedger, VisitPolicy
from gateway.core.waits import Outcome, Waits

MAX_HEARTBEATS = 500_000
LEARNED = 10
"""Ended visits from which on the learned duration counts as known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPolicy:
    """What rules a room: lanes, admission, learning, the backup pools with their opening, the pools' `regions`.

    `capacity` is a pool's requests/s if the operator gives it; `longest_delay` bounds the delay from call to claim
    that is allowed for, `pass_idle` is how long a pass lasts without a request; both in seconds.
    """

    lanes: Mapping[str, LanePolicy]
    admission: AdmissionPolicy
    visits: VisitPolicy
    pools: Mapping[str, SpilloverPolicy | None]
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    capacity: float | None = None
    longest_delay: float = 5.0
    pass_idle: float = 1200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What the leader does in one tick: calls per lane, and credit for those who come before the next."""

    wanted: Mapping[str, int]
    credit: int


@dataclass(slots=True)
class LiveRoom:
    """Owns one gateway's picture of a room; `observe` each tick, `step` when leading."""

    name: str
    policy: RoomPolicy
    view: RoomView | None = None
    store_up: bool = False
    record: ForecastRecord | None = None
    control: Control = field(default_factory=Control)
    supply: Supply = field(default_factory=Supply)
    rates: dict[str, PoolRate] = field(default_factory=dict)
    rate: float = 0.0
    reason: RateReason = RateReason.IDLE
    totals: Report = field(default_factory=Report)
    heartbeats: dict[str, set[int]] = field(default_factory=dict)
    openings: RoomOpenings = field(default_factory=RoomOpenings)
    profiles: Mapping[str, PresenceProfile] = field(default_factory=dict)
    quieter_after: float | None = None
    """The moment, seconds since the epoch, from which the forecast expects nobody to wait; None for no advice."""
    ledger: VisitLedger = field(init=False)
    spillovers: dict[str, Spillover] = field(init=False)
    admissions: dict[str, PoolAdmission] = field(init=False)
    scheduler: LaneScheduler = field(init=False)
    pacer: Pacer = field(default_factory=lambda: Pacer(level=LEAST))
    no_show: NoShow = field(default_factory=NoShow)
    endings: EndedVisits = field(default_factory=EndedVisits)
    inflow: CallRate = field(default_factory=CallRate)
    claimed: CallRate = field(default_factory=CallRate)
    waits: Waits = field(default_factory=Waits)
    ended_rates: dict[str, CallRate] = field(default_factory=dict)
    choice: PoolChoice = field(default_factory=PoolChoice)
    _sight: Sight = field(default_factory=Sight)
    _primary_full: bool = False
    _smooth_rate: float | None = None
    _stepped_at: float | None = None
    _credit: int = 0

    def __post_init__(self) -> None:
        self.ledger = VisitLedger(self.policy.visits)
        self.spillovers = {name: Spillover(rules) for name, rules in self.policy.pools.items() if rules is not None}
        self.admissions = {name: PoolAdmission(self.policy.admission) for name in self.policy.pools}
        self.scheduler = LaneScheduler(self.policy.lanes)

    # What every gateway does -----------------------------------------------------------------------------

    def report(self, readings: Mapping[str, PoolReading]) -> Report:
        """Return this gateway's own measurements, with the visits that its ledger holds inside."""
        return Report(
            pools={
                name: replace(reading, inside=self.ledger.inside(name), ended=self.ledger.ended_in(name))
                for name, reading in readings.items()
                if name in self.policy.pools
            },
            duration=self.ledger.duration,
            requests=self.ledger.requests,
            ended=self.ledger.ended,
            over=self.endings.recent(self.view.now) if self.view else (),
            lead=lead(self.admissions, self.spillovers, self.view.now) if self.view and self.view.leader else None,
        )

    def observe(self, view: RoomView) -> None:
        """Take a fresh view of the store and open or close the backups by it."""
        if self.view is not None and self.view.epoch != view.epoch:
            self.profiles, self.heartbeats = {}, {}
        self.view, self.store_up = view, True
        self.control = Control.from_bytes(view.control)
        self.totals = merge(r for raw in view.reports.values() if (r := Report.from_bytes(raw)) is not None)
        self.endings.hear(self.totals.over, view.now + self.policy.pass_idle)
        lanes = view.lanes.values()
        self.no_show.observe(view)
        self.inflow.observe(sum(lane.issued for lane in lanes), view.now)
        self.claimed.observe(sum(lane.claims for lane in lanes), view.now)
        for name, reading in self.totals.pools.items():
            self.ended_rates.setdefault(name, CallRate(memory=3.0)).observe(reading.ended, view.now)
        opened = self.openings.observe(view)
        if opened:
            self.waits.restart()  # how fast the queue went before says nothing of how it goes now
        self.waits.observe(view, {} if self.openings.prequeue else {name: self.present(name) for name in view.lanes})
        self.waits.expect(self._smooth_rate, self.fresh_record(view.now))
        facts = self.totals, self.record, self.policy.admission
        self._primary_full = open_backups(self.spillovers, *facts, waiting=view.waiting, now=view.now)
        if not view.leader and self.totals.lead is not None:
            follow(self.totals.lead, self.admissions, self.spillovers, view.now)

    def fresh_record(self, now: float) -> ForecastRecord | None:
        """The forecast record if it may be followed at `now`: ok and not expired."""
        return usable(self.record, now)

    def open_share(self, pool: str) -> float:
        """The share of its capacity that a pool may use now: 1 for a primary."""
        spillover = self.spillovers.get(pool)
        return 1.0 if spillover is None or self.view is None else spillover.share(self.view.now)

    def pick_pool(self, region: str = "") -> str:
        """Return the pool for a visit of a region that is let in now."""
        assert self.view is not None, "nobody is let in before the room was seen"
        now, short = self.view.now, self.view.waiting > 0 or self._primary_full
        backups = {name: spillover.trickle(now) for name, spillover in self.spillovers.items()}
        uses = {
            name: PoolUse(used=self._used(name), trickle=backups.get(name), regions=self.policy.regions.get(name, ()))
            for name in self.policy.pools
        }
        return self.choice.pick(uses, short=short, region=region)

    def _used(self, pool: str) -> float:
        """Visits inside over the window, one more counted in; inf for a pool that is closed or down."""
        window = self.admissions[pool].window * self.open_share(pool)
        reading = self.totals.pools.get(pool)
        if window <= 0 or (reading is not None and not reading.healthy):
            return inf
        # The own ledger is fresher than the last report; it may only add to it.
        return (max(reading.inside if reading else 0.0, self.ledger.inside(pool)) + 1) / window

    def note_heartbeat(self, ticket: Ticket) -> None:
        """Remember that a waiting visit was heard of, until the next flush; bounded."""
        numbers = self.heartbeats.setdefault(ticket.lane, set())
        if len(numbers) < MAX_HEARTBEATS:
            numbers.add(ticket.number)

    def ahead(self, ticket: Ticket) -> int | None:
        """Present visits before this place, or None when the counters are not known."""
        lane = self.view.lanes.get(ticket.lane) if self.view else None
        if lane is None or self.openings.holds_back(ticket):
            return None
        return self._present(ticket.lane, lane, self.openings.position(ticket))

    def present(self, lane: str) -> int:
        """Visits that wait in a lane and were heard of lately."""
        view = self.view.lanes.get(lane) if self.view else None
        return 0 if view is None else self._present(lane, view, view.issued + 1)

    def _present(self, name: str, lane: LaneView, position: int) -> int:
        return self.openings.ahead(name, lane, position, self.profiles.get(name)) + lane.returning

    def wait(self, ticket: Ticket) -> Wait | None:
        """The honest range of the wait that is left, or None when unknown."""
        ahead = self.ahead(ticket)
        if ahead is None or not self.store_up or self.paused:
            return None
        return self.waits.shown(ticket.epoch, ticket.lane, ticket.number, ahead)

    def newcomer_wait(self, lane: str) -> Wait | None:
        """The range of the wait for somebody who joins the lane now, or None when unknown."""
        if self.view is None or lane not in self.view.lanes or self.paused or self.openings.prequeue:
            return None
        return self.waits.newcomer(lane, self.present(lane))

    def lane_rate(self, lane: str) -> float | None:
        """Present visits/s by which a lane moves on: as measured once there is a queue, as the plan says before."""
        return self.waits.rate(lane)

    def note_admitted(self, ticket: Ticket, at: float) -> Outcome | None:
        """Learn from a wait that has ended; returns where it lay against what was shown first."""
        return self.waits.admitted(ticket.epoch, ticket.lane, ticket.number, at)

    @property
    def observed(self) -> bool:
        """Whether an operator has said that everybody is let through."""
        return self.view is not None and self.control.observes(self.view.now)

    @property
    def paused(self) -> bool:
        """Whether nobody is let in: paused, closed, out of slots, or no pool can take anybody; `reason` says which."""
        return self.reason in STOPS

    # What the leader does --------------------------------------------------------------------------------

    def step(self, view: RoomView) -> Calls:
        """Decide this tick's calls from the facts of all gateways.

        Every gateway steps, so that a new leader starts with what the others have learned; only the leader's
        calls reach the store.
        """
        elapsed = 0.1 if self._stepped_at is None else view.now - self._stepped_at
        self._stepped_at = view.now
        if view.leader:
            self.pacer.spend(min(max(0, self._credit - view.credit), self.pacer.level))
        if not self._sight.clear(view.now):
            self._combine(view, 0.0)  # what an operator has set holds, or has ended
            self._credit = 0
            return Calls(wanted={}, credit=0)
        self._set_rates(view, max(0.0, min(elapsed, 1.0)))
        due = self.pacer.step(self.rate, elapsed)
        if self.paused:
            due = 0  # what is due of a call stays due; a stopped room lets nobody in
        wanted = self.scheduler.allocate(int(self.no_show.calls_for(due)), callable_lanes(view), view.now)
        called = sum(wanted.values())
        # A call is paid for with the arrival that it will bring; who goes straight in is a whole one.
        paid = called * self.no_show.worth
        self.pacer.spend(paid)
        self._credit = int(due - paid) if view.waiting == called and not self.openings.prequeue else 0
        return Calls(wanted=wanted, credit=self._credit)

    def _set_rates(self, view: RoomView, elapsed: float) -> None:
        called, delay = self.no_show.coming, min(self.no_show.delay, self.policy.longest_delay)
        visits = VisitFacts(duration=self.totals.duration, claim_delay=delay, learned=self.totals.ended >= LEARNED)
        windows = {p: a.window * self.open_share(p) for p, a in self.admissions.items()}
        all_windows = sum(windows.values()) or 1.0
        ceilings = self._ceilings(view.now)
        for pool, admission in self.admissions.items():
            reading = self.totals.pools.get(pool, PoolReading(healthy=False))
            facts = PoolFacts(
                inside=reading.inside,
                called=called * windows[pool] / all_windows,
                inflight=reading.inflight,
                queued=reading.queued,
                limit=reading.limit,
                requests_per_s=reading.requests_per_s,
                healthy=reading.healthy,
                slowdown=reading.slowdown,
                open_share=self.open_share(pool),
                ended_rate=self.ended_rates.get(pool, CallRate()).rate or inf,
                planned=0.0 if self.policy.capacity else ceilings.get(pool, 0.0) / self.policy.admission.plan_slack,
                ceiling=ceilings.get(pool, inf),
                ceiling_reason=RateReason.CAPACITY if self.policy.capacity else RateReason.FORECAST,
            )
            self.rates[pool] = admission.step(facts, visits, elapsed, demand=somebody_due(view))
        self._combine(view, elapsed)

    def _ceilings(self, now: float) -> Mapping[str, float]:
        if self.policy.capacity is not None:
            return dict.fromkeys(self.policy.pools, self.policy.capacity / max(self.totals.requests, 1.0))
        return planned_rates(self.fresh_record(now), now, self.policy.admission.plan_slack)

    def _combine(self, view: RoomView, elapsed: float) -> None:
        rate = sum(pool.rate for pool in self.rates.values())
        decisive = max(self.rates.values(), key=lambda pool: pool.rate)
        reason = decisive.reason
        if reason is RateReason.CAPACITY and self.fresh_record(view.now) is None:
            reason = RateReason.NO_FORECAST
        if self.control.active(view.now) and not self.observed:
            rate, reason = self.control.ruling
        elif not any(reading.healthy for reading in self.totals.pools.values()):
            rate, reason = 0.0, RateReason.PAUSED
        self.rate, self.reason = rate, reason
        old = rate if self._smooth_rate is None else self._smooth_rate
        self._smooth_rate = old + min(1.0, elapsed / 5.0) * (rate - old)

"""Reception: brings a visit to its pass. Asks the store only when the counters say that it may be the turn."""

from dataclasses import dataclass, replace

from gateway.core.decide import Ask, Decision, Forward, Reason, RequestFacts, Wait, decide
from gateway.core.live_room import LiveRoom
from gateway.core.passes import Pass
from gateway.core.room import NOWHERE, Claim, Standing
from gateway.core.ticket import Ticket
from gateway.errors import StoreUnavailable
from gateway.sections import RoomSettings
from gateway.web.door import Barred, Keeper
from gateway.web.newcomers import Arriving, Comer
from gateway.web.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What to do with a request, and what the visitor now holds that it did not hold before."""

    decision: Forward | Wait
    new_ticket: bool = False
    new_pass: bool = False
    missed: bool = False
    gone: bool = False
    barred: Barred | None = None


class Reception:
    """Decides about visits of all rooms."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def receive(
        self,
        room: LiveRoom | None,
        *,
        express: bool,
        newcomer: Comer | None,
        held: Ticket | None,
        admission: Pass | None,
        rejoin: bool = True,
        observe: bool = False,
        keeper: Keeper | None = None,
    ) -> Outcome:
        """Return what happens to a request of a visit that holds `held` and `admission`.

        A place that was left or missed for good is replaced by a new one, or reported as gone without `rejoin`.
        `newcomer` tells lane and person of a new place; it is needed with a room and without an admission. `keeper` may
        keep the visitor from a new place, and from asking after an old one too often. With `observe` all go through.
        """
        regained = keeper.regained() if keeper is not None and held is None else None
        held = held or regained
        decision = self._decide(room, express=express, held=held, admission=admission, observe=observe)
        if keeper is not None and held is not None and not isinstance(decision, Forward):
            barred = keeper.poll(held)
            if barred is not None:
                return Outcome(decision=Wait(reason=barred.reason, ticket=held), barred=barred)
        if isinstance(decision, Wait) and decision.ticket is not None and room is not None:
            note_presence(room, decision.ticket)
        if not isinstance(decision, Ask):
            return Outcome(decision=decision, new_ticket=isinstance(decision, Wait) and regained is not None)
        assert room is not None
        assert newcomer is not None
        try:
            outcome = await self._ask(room, newcomer, decision.ticket, rejoin=rejoin, keeper=keeper)
        except StoreUnavailable:
            room.store_up = False
            outcome = Outcome(decision=Wait(reason=Reason.STORE_DOWN, ticket=held))
        if regained is not None and isinstance(outcome.decision, Wait) and outcome.decision.ticket == regained:
            return replace(outcome, new_ticket=True)
        return outcome

    def _decide(
        self, room: LiveRoom | None, *, express: bool, held: Ticket | None, admission: Pass | None, observe: bool
    ) -> Decision:
        view = room.view if room else None
        lane = view.lanes.get(held.lane) if view and held else None
        # A ticket of a lane that is no longer configured is asked about: the store finds it stale, and it joins anew.
        known = view is not None and (held is None or lane is not None)
        return decide(
            RequestFacts(
                express=express,
                room=room.name if room else None,
                observe=observe or bool(room and (room.observed or self._settings(room).mode == "observe")),
                admission=admission,
                ticket=held,
                store_up=bool(room and room.store_up),
                epoch=view.epoch if view and known else "",
                serving=lane.serving if lane else 0,
                stop=Reason(room.reason.value) if room and room.paused else None,
                position=room.openings.position(held) if room and held else 0,
                prequeue=bool(room and held and room.openings.holds_back(held)),
            )
        )

    async def _ask(
        self, room: LiveRoom, newcomer: Comer, held: Ticket | None, *, rejoin: bool, keeper: Keeper | None
    ) -> Outcome:
        unlucky = None
        if held is not None:
            claim = await self._claim(room, held, newcomer.home())
            outcome = self._standing(room, held, claim)
            if outcome is not None:
                return outcome
            if claim.standing is not Standing.STALE and not rejoin:
                return Outcome(decision=Wait(reason=_waits(room, None), ticket=None), gone=True)
            if claim.standing is not Standing.CLAIMED and not claim.let_in:
                unlucky = held
        if keeper is not None and (barred := keeper.new_place()) is not None:
            return Outcome(decision=Wait(reason=barred.reason, ticket=None), barred=barred)
        ticket = None
        try:
            outcome, ticket = await self._join(room, newcomer.arriving(unlucky))
        finally:
            if keeper is not None:
                keeper.settle(ticket)
        return outcome

    async def _join(
        self, room: LiveRoom, arriving: Arriving, over: tuple[str, int] = NOWHERE
    ) -> tuple[Outcome, Ticket | None]:
        """Return the outcome of a join with the ticket of the place; `over` is one of the person that is used up."""
        pool = room.pick_pool(arriving.region)
        joined = await self._site.store.join(room.name, arriving.lane, pool=pool, person=arriving.person, over=over)
        if joined.standing is Standing.FULL:
            return Outcome(decision=Wait(reason=Reason.FULL, ticket=None)), None
        at = joined.now
        if joined.standing is Standing.KEPT and room.view is not None:
            at = room.view.lanes[joined.lane].joined_at(joined.number, joined.now)
        ticket = Ticket(room=room.name, epoch=joined.epoch, lane=joined.lane, number=joined.number, joined_at=at)
        if joined.standing is Standing.CLAIMED:
            self._note_admission(room, ticket, joined.now)
            return self._admitted(room, ticket, joined.now, joined.pool, Reason.ROOM_FREE), ticket
        if joined.standing is Standing.KEPT:
            # The person came before, on this device or another: here is the same place, however it stands by now.
            outcome = self._standing(room, ticket, await self._claim(room, ticket, arriving.region))
            if outcome is None and over == NOWHERE:
                return await self._join(room, arriving, over=(ticket.lane, ticket.number))
            if outcome is None:  # and so was the next one, within a moment
                return Outcome(decision=Wait(reason=_waits(room, None), ticket=None)), None
            return replace(outcome, new_ticket=isinstance(outcome.decision, Wait)), ticket
        return Outcome(decision=Wait(reason=_waits(room, ticket), ticket=ticket), new_ticket=True), ticket

    async def _claim(self, room: LiveRoom, held: Ticket, region: str) -> Claim:
        pool = room.pick_pool(region)
        return await self._site.store.claim(room.name, held.lane, held.number, held.epoch, pool=pool)

    def _standing(self, room: LiveRoom, held: Ticket, claim: Claim) -> Outcome | None:
        """Return what a claim means for a place that is alive, None when the place or its visit is over."""
        if claim.standing is Standing.CLAIMED and not self._is_over(room, held, claim.claimed_at):
            self._note_admission(room, held, claim.claimed_at)
            return self._admitted(room, held, claim.claimed_at, claim.pool, Reason.TURN)
        if claim.standing in (Standing.WAITING, Standing.RETURNING):
            missed = claim.standing is Standing.RETURNING
            return Outcome(decision=Wait(reason=_waits(room, held), ticket=held), missed=missed)
        return None

    def _admitted(self, room: LiveRoom, ticket: Ticket, at: float, pool: str, reason: Reason) -> Outcome:
        rules = self._settings(room)
        admission = Pass(
            room=room.name,
            visit=ticket.visit,
            lane=ticket.lane,
            pool=pool,
            issued_at=at,
            expires_at=at + rules.pass_idle,
            cap_at=at + rules.pass_cap,
        )
        return Outcome(decision=Forward(reason=reason, admission=admission), new_pass=True)

    def _is_over(self, room: LiveRoom, ticket: Ticket, claimed_at: float) -> bool:
        """Whether the pass that a claim gave has ended: its ticket, kept and repeated, opens nothing any more."""
        now = self._site.store_now(room)
        return now >= claimed_at + self._settings(room).pass_idle or room.endings.has(ticket.visit, now)

    def _note_admission(self, room: LiveRoom, ticket: Ticket, at: float) -> None:
        room.no_show.note_claim(ticket.lane, ticket.number)
        self._site.metrics.admissions.labels(room.name, ticket.lane).inc()
        self._site.metrics.wait.labels(room.name, ticket.lane).observe(max(0.0, at - ticket.joined_at))
        if (outcome := room.note_admitted(ticket, at)) is not None:
            self._site.metrics.wait_ranges.labels(room.name, ticket.lane, outcome.value).inc()

    def _settings(self, room: LiveRoom) -> RoomSettings:
        return self._site.settings.rooms[room.name]


def note_presence(room: LiveRoom, ticket: Ticket) -> None:
    """Count the visit as heard of; a number of another epoch or lane is somebody else's place, or nobody's."""
    if room.view is not None and ticket.epoch == room.view.epoch and ticket.lane in room.view.lanes:
        room.note_heartbeat(ticket)


def _waits(room: LiveRoom, ticket: Ticket | None) -> Reason:
    if ticket is not None and room.openings.holds_back(ticket):
        return Reason.PREQUEUE
    return Reason(room.reason.value) if room.paused else Reason.QUEUE

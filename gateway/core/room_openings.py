"""What openings mean for one gateway's picture of a room: who waits for one, at which position a ticket is called.

How many of those before a position are present is counted by blocks of numbers (`presence`), which says nothing of a
shuffled cohort: whoever of it was called already is scattered over all its numbers. So within it the share of positions
that turned out to be present when they were called is taken for those that are still to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.core.cohort import Cohort, newest
from gateway.core.presence import PresenceProfile
from gateway.core.room import LaneView, RoomView
from gateway.core.ticket import Ticket

EVIDENCE = 50
"""Positions that are taken as present before the first of a cohort has been called."""


@dataclass(slots=True)
class RoomOpenings:
    """Follows the cohort in the views; `known` is the newest that was seen in this life of the room."""

    known: Cohort | None = None
    skipped: int = 0
    """Time of the opening that goes without a shuffle, since the former cohort was still being called."""
    _epoch: str = ""
    _held: Cohort | None = None
    _began: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By lane: serving and calls when this gateway first saw the opened cohort."""
    _shares: dict[str, float] = field(default_factory=dict)

    def observe(self, view: RoomView) -> bool:
        """Take a fresh view; returns whether the room has opened since the last one."""
        opened = self.prequeue and view.cohort is not None and view.cohort.opened
        self.known = newest(self.known if self._epoch == view.epoch else None, view.cohort)
        if view.cohort is not None and view.cohort.opened and view.cohort != self._held:
            self._began = {name: (lane.serving, lane.calls) for name, lane in view.lanes.items()}
        for name, (serving, calls) in self._began.items():
            lane = view.lanes.get(name, LaneView())
            found = (lane.calls - calls + EVIDENCE) / (max(0, lane.serving - serving) + EVIDENCE)
            self._shares[name] = max(0.0, min(1.0, found))
        self._epoch, self._held = view.epoch, view.cohort
        return opened

    @property
    def cohort(self) -> Cohort | None:
        """The cohort that the store holds."""
        return self._held

    @property
    def prequeue(self) -> bool:
        """Whether newcomers wait for an opening."""
        return self._held is not None and not self._held.opened

    def holds_back(self, ticket: Ticket) -> bool:
        """Whether a place waits for an opening, so that it has no position yet."""
        cohort = self._cohort_of(ticket)
        return cohort is not None and cohort.holds_back(ticket.lane, ticket.number)

    def position(self, ticket: Ticket) -> int:
        """Return the value of `serving` at which a place is called: its number, unless an opening shuffled it."""
        cohort = self._cohort_of(ticket)
        return ticket.number if cohort is None else cohort.position(ticket.lane, ticket.number)

    def ahead(self, name: str, lane: LaneView, position: int, profile: PresenceProfile | None) -> int:
        """Return the present visits of a lane that are called before a position, returners apart."""
        first, last = self._held.shuffled(name) if self._held is not None else (0, 0)
        start, end = max(lane.serving, first), max(lane.serving, min(position - 1, last))
        if start >= end:
            return _present(profile, position, lane.serving)
        before = _present(profile, first + 1, lane.serving) if lane.serving < first else 0
        behind = _present(profile, position, last) if position - 1 > last else 0
        return before + round((end - start) * self._shares.get(name, 1.0)) + behind

    def _cohort_of(self, ticket: Ticket) -> Cohort | None:
        return self._held if ticket.epoch == self._epoch else None


def _present(profile: PresenceProfile | None, position: int, serving: int) -> int:
    if profile is None or position <= serving:
        return max(0, position - serving - 1)
    return profile.ahead_of(position, serving)


def callable_lanes(view: RoomView) -> Mapping[str, LaneView]:
    """Return the lanes as the caller must see them while there is an opening.

    Before it only places from before the pre-queue can be called; who of them has left is found out by calling. After
    it the cohort has waited since the opening: that people came early gives their lane no priority.
    """
    cohort = view.cohort
    if cohort is None or cohort.passed({name: lane.serving for name, lane in view.lanes.items()}):
        return view.lanes
    return {name: _callable(cohort, name, lane) for name, lane in view.lanes.items()}


def somebody_due(view: RoomView) -> bool:
    """Whether anybody waits who may be called now."""
    return any(lane.waiting for lane in callable_lanes(view).values())


def _callable(cohort: Cohort, name: str, lane: LaneView) -> LaneView:
    if not cohort.opened:
        return replace(lane, issued=cohort.limit(name, lane.issued), left=0)
    if lane.head_joined_at is None or not cohort.covers(name, lane.serving + 1):
        return lane
    return replace(lane, head_joined_at=max(float(cohort.opens_at), lane.head_joined_at))

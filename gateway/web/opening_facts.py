"""What visitors are told of an opening: in the shared document, in a place, on the page, and when to ask again."""

from dataclasses import replace
from math import ceil

from gateway.core.cohort import Cohort
from gateway.core.known_openings import poll_around
from gateway.core.live_room import LiveRoom
from gateway.core.ticket import Ticket
from gateway.web.moments import show_moment
from gateway.web.pages.views import WaitingState, WaitingView


def published(cohort: Cohort) -> dict[str, object]:
    """Return what everybody may know of an opening: the commitment before it, after it all that gives the order."""
    said: dict[str, object] = {
        "opens_at": cohort.opens_at,
        "seed_hash": cohort.seed_hash,
        "seed": cohort.published_seed,
    }
    if cohort.opened:
        said["cohort"] = {lane: list(borders) for lane, borders in cohort.ranges.items()}
    return said


def turn(room: LiveRoom, ticket: Ticket | None) -> int | None:
    """Return the value of `serving` at which a place is called; None before its opening."""
    return None if ticket is None or room.openings.holds_back(ticket) else room.openings.position(ticket)


def place_facts(room: LiveRoom, ticket: Ticket) -> dict[str, object]:
    """Return the members of a place that an opening adds: its turn, and before the opening time and commitment."""
    cohort = room.openings.cohort
    if cohort is None or not room.openings.holds_back(ticket):
        return {"turn": turn(room, ticket)}
    return {"turn": None, "opens_at": cohort.opens_at, "seed_hash": cohort.seed_hash}


def with_opening(room: LiveRoom, view: WaitingView, zone: str) -> WaitingView:
    """Return the page of a visit that waits for an opening with its time, what is left, and the commitment."""
    cohort = room.openings.cohort
    if view.state is not WaitingState.PREQUEUE or cohort is None or room.view is None:
        return view
    return replace(
        view,
        opens_at=show_moment(cohort.opens_at, zone, room.view.now),
        opens_in_seconds=max(0, ceil(cohort.opens_at - room.view.now)),
        seed_hash=cohort.seed_hash,
    )


def opening_poll(room: LiveRoom, longest: float, jitter: float) -> int | None:
    """Return the whole seconds until a visit of the pre-queue should ask again, None when there is no pre-queue."""
    cohort = room.openings.cohort
    if cohort is None or room.view is None or not room.openings.prequeue:
        return None
    crowd = cohort.size({name: lane.issued for name, lane in room.view.lanes.items()})
    return poll_around(cohort.opens_at - room.view.now, crowd, longest, jitter)

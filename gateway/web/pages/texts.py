"""What the pages say: for each state a headline, the reason and what to do now, in the source language.

Rules, kept by tests: the headline is also the page's title; every state says why and what to do; no word
that explains nothing. A text without people's numbers stands here; texts with plurals stand in the templates
or, where the page's script says them again, in `COUNTED`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from types import MappingProxyType

from gateway.web.pages.views import EntryState, RoomState, WaitingState

AHEAD = ("%(num)s person is ahead of you.", "%(num)s people are ahead of you.")
LATER = ("Try again in about %(num)s minute.", "Try again in about %(num)s minutes.")
SECONDS = ("Wait %(num)s second, then try again.", "Wait %(num)s seconds, then try again.")
OPENS = ("Booking opens in about %(num)s minute.", "Booking opens in about %(num)s minutes.")
TO_BOOK = ("You have at least %(num)s minute to book.", "You have at least %(num)s minutes to book.")
IN_ROOM = ("%(num)s person is waiting.", "%(num)s people are waiting.")
COUNTED = (AHEAD, LATER, SECONDS, OPENS, TO_BOOK, IN_ROOM)
"""Every text with a number of people or of time, as singular and plural."""
NEXT = "Your turn is next."
STATUS_TITLE = "Booking: how it goes now"
MINUTES = "%(range)s min"
HOURS = "%(range)s h"
HOURS_FROM = 7200
"""Seconds of a wait above which it is said in hours."""
UP_TO = "up to %(high)s"
WAIT = "The wait is usually %(wait)s."
NEW_WAIT = "New estimate: %(wait)s."
UNKNOWN = "We cannot give a time yet."
KEPT = "Your place is kept until at least %(time)s, even if you close this page."
NEW_SLOTS = "New ones appear at %(time)s."
QUIETER = "Try after %(time)s: it is usually quieter by then."
USUALLY = "It is usually quieter after %(time)s."
BACK = "You are near the front of the queue again."
ENTER_BY = "Press \u201cEnter\u201d before %(time)s."
OFFLINE = "No connection. Your place is kept until %(time)s. When the connection is back, this page goes on by itself."

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class PageText:
    """One state in words: headline and title, why it is so, how order is kept, what to do now, and the button.

    `timed` is the headline where a time is known: it stands in place of `title`.
    """

    title: str
    why: str
    act: str
    button: str = "Check now"
    order: str = ""
    timed: str = ""


_CROWD = "More people want to book now than the clinics' system can serve at once."
_ORDER = "We let people in one after another, each in turn, so that the site works for everyone."
_STAY = "Keep this page open."
_KEPT = "Everyone keeps the place in the queue."
_ELSE = "Try again later, or book in another way."

WAITING: Mapping[WaitingState, PageText] = MappingProxyType(
    {
        WaitingState.PREQUEUE: PageText(
            "Booking opens soon",
            "Many people come for the opening.",
            _STAY,
            order="Coming earlier gives no advantage: when booking opens, everyone already on this page is placed "
            "in random order.",
            timed="Booking opens at %(time)s",
        ),
        WaitingState.WAITING: PageText("You are in the queue", _CROWD, _STAY, order=_ORDER),
        WaitingState.WAITING_UNKNOWN: PageText("You are in the queue", _CROWD, _STAY, order=_ORDER),
        WaitingState.SLOWER: PageText(
            "The queue is moving slower than expected",
            "The clinics' system answers slowly.",
            _STAY,
            order=_ORDER,
        ),
        WaitingState.SOON: PageText(
            "It is nearly your turn",
            "The people before you are being let in now.",
            "Have your insurance policy and the doctor's name ready. Keep this page open.",
            order=_ORDER,
        ),
        WaitingState.CONFIRM: PageText(
            "It is your turn",
            "This page was out of sight when your turn came, so your time to book has not begun yet.",
            "Have your insurance policy and the doctor's name ready, then enter.",
            "Enter",
            order="A turn that nobody takes passes to the next person.",
        ),
        WaitingState.ADMITTED: PageText(
            "It is your turn",
            "The people before you have been let in.",
            "Opening the booking page. If nothing happens, press \u201cEnter\u201d.",
            "Enter",
            order=_ORDER,
        ),
        WaitingState.MISSED: PageText(
            "You were away when your turn came",
            "A turn that nobody takes passes to the next person, so that no one waits for an empty place.",
            "That is fine: press \u201cReturn\u201d, and you will be placed near the front.",
            "Return",
            order="Whoever missed a turn comes back near the front once.",
        ),
        WaitingState.RETURNING: PageText(
            "You were away when your turn came",
            "A turn that nobody takes passes to the next person, so that no one waits for an empty place.",
            "That is fine. Keep this page open.",
            order="Whoever missed a turn comes back near the front once.",
        ),
        WaitingState.SLOTS_EXHAUSTED: PageText(
            "There are no free appointments left",
            "All appointments that the clinics have opened are taken.",
            "There is no need to wait here. Come back later, or book in another way.",
            order=_KEPT,
        ),
        WaitingState.PAUSED: PageText(
            "Booking is stopped for now, your place is kept",
            "The clinics' system is not taking visitors, so nobody is let in.",
            "You need not do anything. The queue goes on as soon as the clinics' system can.",
            order=_KEPT,
        ),
        WaitingState.FULL: PageText(
            "The queue is full now",
            "So many people are waiting that we could not promise a new place in reasonable time.",
            _ELSE,
            "Try again",
            order="Those who are in the queue keep their places.",
        ),
        WaitingState.CLOSED: PageText(
            "Booking is closed now",
            "The clinics have closed booking on this site for the time being.",
            "Appointments already made stand. Come back later, or book in another way.",
            order=_KEPT,
            timed="Booking is closed until %(time)s",
        ),
        WaitingState.LIMITED: PageText(
            "Too many requests from your device",
            "So many came from your device or network that we have to slow them down.",
            "Close other tabs with this site.",
            "Try again",
            order="Your place in the queue is not lost.",
        ),
        WaitingState.STORE_DOWN: PageText(
            "You are in the queue, your place is kept",
            "The part of this site that counts the queue is not answering, so we cannot give numbers just now.",
            "Keep this page open and check again in a minute.",
            order="Your number is kept in this browser, and the order stays as it was.",
        ),
    }
)

ENTRY: Mapping[EntryState, PageText] = MappingProxyType(
    {
        EntryState.COME_AGAIN: PageText(
            "You are about to join the queue",
            "Very many people come at once now. A place is given to whoever comes back after a moment, which "
            "programs that take places by the hundred mostly do not do. Nothing about you is asked or kept.",
            "This page goes on by itself in a few seconds.",
            "Go on",
        ),
        EntryState.NO_COOKIES: PageText(
            "Your browser keeps no cookies of this site",
            "Your place in the queue is a number in a cookie of this site, with nothing about you in it. "
            "Without the cookie each visit would begin at the end of the queue.",
            "Allow cookies for this site in the settings of your browser, then go on.",
            "Go on",
        ),
    }
)

SLOWER: tuple[str, ...] = (
    "The clinics' system answers slowly.",
    "People who missed their turn came back before you.",
)
"""Why the queue may be slower than was said; the first stands where no other is given."""

ERRORS: Mapping[int, PageText] = MappingProxyType(
    {
        502: PageText(
            "The clinics' system did not answer",
            "Your request reached us, but the clinics' system could not be reached or broke off.",
            "Wait a minute, then try again.",
            "Try again",
        ),
        503: PageText(
            "The clinics' system is overloaded",
            "It has more requests now than it can answer, so yours was not passed on.",
            "Wait a minute, then try again.",
            "Try again",
        ),
        504: PageText(
            "The clinics' system took too long to answer",
            "Your request was passed on, but no answer came in time.",
            "Wait a minute, then try again.",
            "Try again",
        ),
    }
)
WROTE = (
    "If you were booking or cancelling: look at your appointments first. "
    "It may have been done although the answer was lost."
)

ROOMS: Mapping[RoomState, str] = MappingProxyType(
    {
        RoomState.PREQUEUE: "Opens soon. Everyone who is here by then is placed in random order.",
        RoomState.OPEN: "Open, no queue.",
        RoomState.QUEUEING: "Open, there is a queue.",
        RoomState.PAUSED: "Stopped for now: the clinics' system cannot take visitors. Places in the queue are kept.",
        RoomState.CLOSED: "Closed by the clinics for now. Appointments already made stand.",
        RoomState.SLOTS_EXHAUSTED: "No free appointments are left. Places in the queue are kept.",
        RoomState.STORE_DOWN: "The queue cannot be counted just now. Places in the queue are kept.",
    }
)


def source_texts() -> set[str]:
    """Return every text of this module that a catalogue translates, plurals apart."""
    pages = (*WAITING.values(), *ENTRY.values(), *ERRORS.values())
    parts = {part for one in pages for part in (one.title, one.timed, one.why, one.order, one.act, one.button) if part}
    waits = {NEXT, MINUTES, HOURS, UP_TO, WAIT, NEW_WAIT, UNKNOWN, *SLOWER}
    times = {KEPT, NEW_SLOTS, QUIETER, USUALLY, BACK, ENTER_BY, OFFLINE}
    return parts | waits | times | {*ROOMS.values(), STATUS_TITLE, WROTE}


def wait_text(low: float, high: float, translate: Translate) -> str:
    """Return the wait as a range, rounded outward: whole minutes, from two hours on whole hours."""
    unit, text = (3600, HOURS) if high > HOURS_FROM else (60, MINUTES)
    bottom, top = floor(low / unit), max(1, ceil(high / unit))
    span = str(top) if bottom == top else f"{bottom}\u2013{top}"
    if bottom < 1:
        span = translate(UP_TO) % {"high": top}
    return translate(text) % {"range": span}

"""What the pages say: for each state a headline, the reason and what to do now, in the source language.

Rules, kept by tests: the headline is also the page's title; every state says why and what to do; no word
that explains nothing. A text without people's numbers stands here; texts with plurals stand in the templates
and, for those that the page's script says again, in `live_forms`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from types import MappingProxyType

from gateway.web.pages.catalogue import Catalogue
from gateway.web.pages.views import EntryState, RoomState, WaitingState

AHEAD = ("%(num)s person is ahead of you.", "%(num)s people are ahead of you.")
LATER = ("Try again in about %(num)s minute.", "Try again in about %(num)s minutes.")
IN_ROOM = ("%(num)s person is waiting.", "%(num)s people are waiting.")
NEXT = "Your turn is next."
STATUS_TITLE = "Booking: how it goes now"
MINUTES = "%(range)s min"
HOURS = "%(range)s h"
UP_TO = "up to %(high)s"
WAIT = "The wait is usually %(wait)s."
OFFLINE = "No connection. Your place is kept; the page keeps trying."

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class PageText:
    """One state in words: headline and title, why it is so, what to do now, and the button."""

    title: str
    why: str
    act: str
    button: str = "Check now"


_CROWD = (
    "More people want to book now than the clinics' system can serve at once. "
    "We let people in one after another, each in turn, so that the site works for everyone."
)
_STAY = "Keep this page open. Reloading it does not lose your place, a second tab does not speed it up."

WAITING: Mapping[WaitingState, PageText] = MappingProxyType(
    {
        WaitingState.WAITING: PageText("You are in the queue", _CROWD, _STAY),
        WaitingState.WAITING_UNKNOWN: PageText(
            "You are in the queue, the wait cannot be told yet",
            _CROWD + " How fast it goes will be known once the first people have been let in.",
            _STAY,
        ),
        WaitingState.SOON: PageText(
            "It is nearly your turn",
            "The people before you are being let in now.",
            "Have your insurance policy and the doctor's name ready. Keep this page open.",
        ),
        WaitingState.PAUSED: PageText(
            "Booking is stopped for now, your place is kept",
            "The clinics' system cannot take visitors at the moment, so nobody is let in. "
            "The queue goes on as soon as it can.",
            "You need not do anything. Your place stays yours in this browser, also after you close the page.",
        ),
        WaitingState.FULL: PageText(
            "The queue is full now",
            "So many people are waiting that we could not promise a new place in reasonable time.",
            "Try again later, or book by telephone or at the clinic.",
            "Try again",
        ),
        WaitingState.CLOSED: PageText(
            "Booking is closed now",
            "The clinics have closed booking on this site for the time being.",
            "Appointments already made stand. Try again later, or book by telephone or at the clinic.",
            "Try again",
        ),
        WaitingState.MISSED: PageText(
            "You were away when your turn came",
            "A turn that nobody takes passes to the next person, so that no one waits for an empty place.",
            "That is fine: return to the queue, and you will be placed near the front.",
            "Return to the queue",
        ),
        WaitingState.STORE_DOWN: PageText(
            "You are in the queue, your place is kept",
            "The part of this site that counts the queue is not answering, so we cannot give numbers just now. "
            "Your number is kept in this browser.",
            "Keep this page open and check again in a minute. The order of the queue stays as it was.",
        ),
        WaitingState.LIMITED: PageText(
            "Too many requests from your device",
            "So many came from your device or network that we have to slow them down. "
            "Your place in the queue is not lost.",
            "Close other tabs with this site.",
            "Try again",
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
        RoomState.OPEN: "Open, no queue.",
        RoomState.QUEUEING: "Open, there is a queue.",
        RoomState.PAUSED: "Stopped for now: the clinics' system cannot take visitors. Places in the queue are kept.",
        RoomState.CLOSED: "Closed by the clinics for now. Appointments already made stand.",
        RoomState.STORE_DOWN: "The queue cannot be counted just now. Places in the queue are kept.",
    }
)


def source_texts() -> set[str]:
    """Return every text of this module that a catalogue translates, plurals apart."""
    pages = (*WAITING.values(), *ENTRY.values(), *ERRORS.values())
    parts = {part for page in pages for part in (page.title, page.why, page.act, page.button)}
    return parts | {*ROOMS.values(), STATUS_TITLE, WROTE, NEXT, MINUTES, HOURS, UP_TO, WAIT, OFFLINE}


def wait_text(low: float, high: float, translate: Translate) -> str:
    """Return the wait as a range, rounded outward: whole minutes, from two hours on whole hours."""
    unit, text = (3600, HOURS) if high > 7200 else (60, MINUTES)
    bottom, top = floor(low / unit), max(1, ceil(high / unit))
    span = str(top) if bottom == top else f"{bottom}\u2013{top}"
    if bottom < 1:
        span = translate(UP_TO) % {"high": top}
    return translate(text) % {"range": span}


def live_forms(catalogue: Catalogue) -> dict[str, object]:
    """Return the texts that the waiting page's script fills in by itself as the queue moves.

    `ahead` and `next` go with the number ahead, the others with the wait.
    """
    say = catalogue.translations.gettext
    soon = WAITING[WaitingState.SOON]
    return {
        "ahead": [form.replace("%(num)s", "#") for form in catalogue.forms(*AHEAD)],
        "next": say(NEXT),
        "min": say(MINUTES).replace("%(range)s", "#"),
        "hours": say(HOURS).replace("%(range)s", "#"),
        "upto": say(UP_TO).replace("%(high)s", "#"),
        "wait": say(WAIT).replace("%(wait)s", "#"),
        "soon": [say(soon.title), say(soon.act)],
    }

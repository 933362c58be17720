"""What the waiting page's script is told: facts of the visitor, and the texts that it fills in by itself."""

from math import ceil, floor

from gateway.web.pages.catalogue import Catalogue
from gateway.web.pages.compiled import Language
from gateway.web.pages.lead import to_book
from gateway.web.pages.links import same_site_path
from gateway.web.pages.texts import AHEAD, ENTER_BY, HOURS, HOURS_FROM, MINUTES, NEXT, OPENS, UP_TO, WAIT, WAITING
from gateway.web.pages.views import STALLED, UNCOUNTED, RoomState, WaitingState, WaitingView


def script_facts(view: WaitingView, spoken: Language) -> dict[str, object] | None:
    """Return what the page's script knows, or None for a page that needs no script."""
    if not view.polled:
        return {"every": view.retry_after} if view.comes_again else None
    counted = view.people_ahead is not None and view.state not in UNCOUNTED
    timed = counted and view.eta_high_seconds is not None and view.state not in STALLED
    facts = {
        "poll": same_site_path(view.poll_url),
        "every": view.retry_after,
        "kept": view.kept_seconds,
        "claim": view.claim_seconds,
        "lane": view.lane,
        "lang": spoken.catalogue.language,
        "number": None if view.state is WaitingState.PREQUEUE else view.turn or view.ticket_number,
        "ahead": view.people_ahead if counted else None,
        "start": view.ahead_at_join,
        "low": floor(view.eta_low_seconds or 0) if timed else None,
        "high": ceil(view.eta_high_seconds or 0) if timed else None,
        "opens": view.opens_in_seconds if view.state is WaitingState.PREQUEUE else None,
        "state": view.state if view.state in STALLED or view.state is WaitingState.PREQUEUE else RoomState.QUEUEING,
        "texts": _texts(view, spoken, counted=counted, timed=timed),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _texts(view: WaitingView, spoken: Language, *, counted: bool, timed: bool) -> dict[str, object]:
    say, catalogue = spoken.say, spoken.catalogue
    turn, missed = WAITING[WaitingState.CONFIRM], WAITING[WaitingState.MISSED]
    texts: dict[str, object] = {
        "turn": [say(turn.title), say(ENTER_BY).replace("%(time)s", "#"), say(turn.button)],
        "book": to_book(view, spoken),
        "missed": [say(missed.title), say(missed.act), say(missed.button)],
    }
    if view.state is WaitingState.PREQUEUE:
        texts["opens"] = _forms(OPENS, catalogue)
    if counted:
        texts |= {"ahead": _forms(AHEAD, catalogue), "next": say(NEXT)}
    if timed:
        soon = WAITING[WaitingState.SOON]
        texts |= {
            "min": say(MINUTES).replace("%(range)s", "#"),
            "upto": say(UP_TO).replace("%(high)s", "#"),
            "wait": say(WAIT).replace("%(wait)s", "#"),
            "soon": [say(soon.title), say(soon.act)],
        }
    if timed and (view.eta_high_seconds or 0) > HOURS_FROM:
        texts["hours"] = say(HOURS).replace("%(range)s", "#")
    return texts


def _forms(text: tuple[str, str], catalogue: Catalogue) -> list[str]:
    return [form.replace("%(num)s", "#") for form in catalogue.forms(*text)]

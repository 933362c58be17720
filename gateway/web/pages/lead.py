"""The first lines of the waiting page: the headline, and the sentence with numbers and times as far as known."""

from math import ceil

from gateway.web.pages.compiled import Language
from gateway.web.pages.texts import (
    AHEAD,
    BACK,
    ENTER_BY,
    KEPT,
    LATER,
    NEW_SLOTS,
    NEW_WAIT,
    NEXT,
    OPENS,
    QUIETER,
    SECONDS,
    TO_BOOK,
    UNKNOWN,
    USUALLY,
    WAIT,
    WAITING,
    wait_text,
)
from gateway.web.pages.views import STALLED, WaitingState, WaitingView

_WAITS = frozenset({WaitingState.WAITING, WaitingState.WAITING_UNKNOWN, WaitingState.SLOWER})


def title(view: WaitingView, spoken: Language) -> str:
    """Return the headline: with the time of opening or of the end, where it is known."""
    text, time = WAITING[view.state], view.opens_at or view.until
    return spoken.say(text.timed) % {"time": time} if text.timed and time else spoken.say(text.title)


def lead(view: WaitingView, spoken: Language) -> str:
    """Return the sentence with the numbers: what the visitor wants to know first."""
    match view.state:
        case WaitingState.PREQUEUE:
            left = view.opens_in_seconds
            return "" if left is None else spoken.count(OPENS, _minutes(left))
        case WaitingState.PAUSED:
            return _timed(KEPT, view.kept_until, spoken)
        case WaitingState.SLOTS_EXHAUSTED:
            return _timed(NEW_SLOTS, view.until, spoken)
        case WaitingState.FULL:
            return _timed(QUIETER, view.quieter_after, spoken) or spoken.count(LATER, _minutes(view.retry_after))
        case WaitingState.CLOSED:
            return "" if view.until else spoken.count(LATER, _minutes(view.retry_after))
        case WaitingState.LIMITED:
            return spoken.count(SECONDS, view.retry_after)
        case WaitingState.CONFIRM:
            return _timed(ENTER_BY, view.until, spoken)
        case WaitingState.ADMITTED:
            return to_book(view, spoken)
        case WaitingState.RETURNING:
            return spoken.say(BACK)
        case WaitingState.MISSED | WaitingState.STORE_DOWN:
            return ""
        case _:
            return _progress(view, spoken)


def _progress(view: WaitingView, spoken: Language) -> str:
    ahead = view.people_ahead
    if ahead is None:
        return ""
    sentence = spoken.count(AHEAD, ahead) if ahead else spoken.say(NEXT)
    form = NEW_WAIT if view.state is WaitingState.SLOWER else WAIT
    more = wait(view.eta_low_seconds, view.eta_high_seconds, spoken, form)
    if not more and view.state is WaitingState.WAITING_UNKNOWN:
        more = spoken.say(UNKNOWN)
    return f"{sentence} {more}".strip()


def wait(low: float | None, high: float | None, spoken: Language, form: str = WAIT) -> str:
    """Return the sentence with the range of the wait, empty when it is not known."""
    if high is None:
        return ""
    return spoken.say(form) % {"wait": wait_text(low or 0, high, spoken.say)}


def estimate(view: WaitingView, spoken: Language) -> str:
    """Return the range of the wait by itself, empty when it is not known or nobody is let in."""
    if view.eta_high_seconds is None or view.state in STALLED:
        return ""
    return wait_text(view.eta_low_seconds or 0, view.eta_high_seconds, spoken.say)


def quieter(view: WaitingView, spoken: Language) -> str:
    """Return the hint at a quieter hour, for those who have to wait and do not know for how long or for long."""
    return _timed(USUALLY, view.quieter_after, spoken) if view.state in _WAITS else ""


def to_book(view: WaitingView, spoken: Language) -> str:
    """Return the sentence that says how much time a visit has at least."""
    return spoken.count(TO_BOOK, max(1, view.visit_seconds // 60))


def _timed(text: str, time: str, spoken: Language) -> str:
    return spoken.say(text) % {"time": time} if time else ""


def _minutes(seconds: float) -> int:
    return max(1, ceil(seconds / 60))

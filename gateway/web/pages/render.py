"""Rendering: everything is read and compiled when `Pages` is built; after that a page is pure text work."""

from gettext import NullTranslations
from math import ceil
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gateway.web.pages.assets import read_asset, squeeze_script, squeeze_style
from gateway.web.pages.catalogue import SOURCE_LANGUAGE
from gateway.web.pages.compiled import Language, compile_language, load_catalogues, page_environment
from gateway.web.pages.links import PREFERENCES_PATH, same_site_path
from gateway.web.pages.texts import (
    AHEAD,
    ENTRY,
    ERRORS,
    IN_ROOM,
    LATER,
    NEXT,
    OFFLINE,
    ROOMS,
    STATUS_TITLE,
    WAIT,
    WAITING,
    WROTE,
    wait_text,
)
from gateway.web.pages.views import (
    LONGEST_MESSAGE,
    LONGEST_REFERENCE,
    EntryState,
    EntryView,
    ErrorView,
    RoomStatus,
    StatusView,
    WaitingState,
    WaitingView,
)

_TIMELESS = frozenset({WaitingState.FULL, WaitingState.CLOSED, WaitingState.LIMITED})
_STALLED = frozenset({WaitingState.PAUSED, WaitingState.STORE_DOWN})


class Pages:
    """All pages in all languages; built once at start, then each method returns the bytes of one page.

    `extra` is a folder of more `.po` files; a file there replaces the shipped one of the same language.
    An unknown language is answered in the source language, never with an error.
    """

    def __init__(self, extra: Path | None = None) -> None:
        self._languages = {code: compile_language(read) for code, read in load_catalogues(extra).items()}
        self._names = tuple((code, spoken.catalogue.name) for code, spoken in self._languages.items())
        self._style = Markup(squeeze_style(read_asset("page.css")))
        self._script = Markup(squeeze_script(read_asset("waiting.js")))
        self._entry_script = Markup(squeeze_script(read_asset("entry.js")))
        self._proof_script = self._entry_script + Markup(squeeze_script(read_asset("proof.js")))
        self._dashboard = page_environment(NullTranslations()).get_template("dashboard.html")
        self._dashboard_style = Markup(squeeze_style(read_asset("dashboard.css")))
        scripts = (read_asset(name) for name in ("charts.js", "panels.js", "dashboard.js"))
        self._dashboard_script = Markup(squeeze_script("\n".join(scripts)))

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages that a page can be had in, the source language first."""
        return tuple(self._languages)

    def waiting(self, view: WaitingView, language: str, nonce: str) -> bytes:
        """Return the waiting page for one visitor in one state."""
        spoken, text = self._language(language), WAITING[view.state]
        entry = same_site_path(view.entry_url)
        total = None if view.people_ahead is None else view.ahead_at_join
        return self._page(
            "waiting.html",
            spoken,
            view=view,
            back=entry,
            nonce=nonce,
            title=spoken.say(text.title),
            text=text,
            lead=_lead(view, spoken),
            total=total,
            passed=max(0, (total or 0) - (view.people_ahead or 0)),
            offline=spoken.say(OFFLINE),
            script=self._script,
            plural_rule=Markup(spoken.catalogue.plural_rule.replace(" ", "")),
            config=_script_facts(view, spoken),
        )

    def entry(self, view: EntryView, language: str, nonce: str) -> bytes:
        """Return the page before the queue; with work to do it carries the script for it."""
        spoken, text = self._language(language), ENTRY[view.state]
        again = view.state is EntryState.COME_AGAIN
        return self._page(
            "entry.html",
            spoken,
            view=view,
            back=same_site_path(view.entry_url),
            nonce=nonce,
            title=spoken.say(text.title),
            text=text,
            slow=view.slow,
            script=self._proof_script if view.bits else self._entry_script,
            config={"after": view.retry_after, "bits": view.bits, "slip": view.slip} if again else None,
        )

    def error(self, view: ErrorView, language: str, nonce: str) -> bytes:
        """Return the page for a request that the clinics' system did not answer well."""
        spoken, text = self._language(language), ERRORS[view.status]
        return self._page(
            "error.html",
            spoken,
            view=view,
            back=same_site_path(view.retry_url),
            nonce=nonce,
            title=spoken.say(text.title),
            text=text,
            wrote=WROTE,
            minutes=ceil(view.retry_after / 60) if view.retry_after else None,
        )

    def status(self, view: StatusView, language: str, nonce: str) -> bytes:
        """Return the public status page; it needs nothing but the view, so it is there without a store."""
        spoken = self._language(language)
        return self._page(
            "status.html",
            spoken,
            view=view,
            back=same_site_path(view.page_url),
            nonce=nonce,
            title=spoken.say(STATUS_TITLE),
            rooms=[_room_facts(room, spoken) for room in view.rooms],
        )

    def dashboard(self, nonce: str) -> bytes:
        """Return the operators' page; it fetches its figures itself from the admin address."""
        page = self._dashboard.render(nonce=nonce, style=self._dashboard_style, script=self._dashboard_script)
        return page.encode()

    def _language(self, language: str) -> Language:
        return self._languages.get(language) or self._languages[SOURCE_LANGUAGE]

    def _page(self, template: str, spoken: Language, **facts: Any) -> bytes:
        page = spoken.templates[template].render(
            language=spoken.catalogue.language,
            languages=self._names,
            style=self._style,
            preferences=PREFERENCES_PATH,
            longest_message=LONGEST_MESSAGE,
            longest_reference=LONGEST_REFERENCE,
            **facts,
        )
        return page.encode()


def _lead(view: WaitingView, spoken: Language) -> str:
    """Return the sentence with the numbers: how many are ahead and how long it takes, as far as known."""
    if view.state in _TIMELESS:
        return spoken.count(LATER, max(1, ceil(view.retry_after / 60)))
    ahead = view.people_ahead
    if ahead is None or view.state in (WaitingState.MISSED, WaitingState.STORE_DOWN):
        return ""
    sentence = spoken.count(AHEAD, ahead) if ahead else spoken.say(NEXT)
    wait = _wait(view.eta_low_seconds, view.eta_high_seconds, spoken)
    return f"{sentence} {wait}" if wait and view.state not in _STALLED else sentence


def _wait(low: float | None, high: float | None, spoken: Language) -> str:
    if high is None:
        return ""
    return spoken.say(WAIT) % {"wait": wait_text(low or 0, high, spoken.say)}


def _script_facts(view: WaitingView, spoken: Language) -> dict[str, Any] | None:
    """Return what the page's script knows, or None for a page that needs no script."""
    if not view.polled:
        return {"every": view.retry_after, "poll": ""} if view.auto else None
    timed = view.eta_high_seconds is not None and view.state not in _STALLED
    counted = view.people_ahead is not None and view.state is not WaitingState.STORE_DOWN
    wanted = spoken.live if timed else {name: spoken.live[name] for name in ("ahead", "next")}
    return {
        "poll": same_site_path(view.poll_url),
        "every": view.retry_after,
        "room": view.room,
        "lane": view.lane,
        "lang": spoken.catalogue.language,
        "number": view.ticket_number,
        "ahead": view.people_ahead if counted else None,
        "start": view.ahead_at_join,
        "low": view.eta_low_seconds or 0,
        "high": view.eta_high_seconds if timed else None,
        "group": view.state if view.state in _STALLED else "moves",
        "texts": wanted if counted else {},
    }


def _room_facts(room: RoomStatus, spoken: Language) -> dict[str, Any]:
    waiting = "" if room.waiting is None else spoken.count(IN_ROOM, room.waiting)
    wait = _wait(room.wait_low_seconds, room.wait_high_seconds, spoken)
    return {
        "name": room.name,
        "state": ROOMS[room.state],
        "lead": f"{waiting} {wait}".strip(),
        "quieter_after": room.quieter_after,
    }

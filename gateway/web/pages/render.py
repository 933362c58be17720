"""Rendering: everything is read and compiled when `Pages` is built; after that a page is pure text work."""

from gettext import NullTranslations
from math import ceil
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gateway.web.pages.assets import read_asset, shorten_names, squeeze_script, squeeze_style
from gateway.web.pages.catalogue import SOURCE_LANGUAGE
from gateway.web.pages.compiled import Language, compile_language, load_catalogues, page_environment
from gateway.web.pages.lead import estimate, lead, quieter, title, wait
from gateway.web.pages.links import PLACES_PATH, PREFERENCES_PATH, same_site_path
from gateway.web.pages.script import script_facts
from gateway.web.pages.texts import ENTRY, ERRORS, IN_ROOM, OFFLINE, ROOMS, SLOWER, STATUS_TITLE, WAITING, WROTE
from gateway.web.pages.views import (
    LONGEST_MESSAGE,
    LONGEST_REFERENCE,
    UNCOUNTED,
    EntryState,
    EntryView,
    ErrorView,
    RoomStatus,
    StatusView,
    WaitingView,
)


class Pages:
    """All pages in all languages; built once at start, then each method returns the bytes of one page.

    `extra` is a folder of more `.po` files; a file there replaces the shipped one of the same language.
    An unknown language is answered in the source language, never with an error.
    """

    def __init__(self, extra: Path | None = None) -> None:
        self._languages = {code: compile_language(read) for code, read in load_catalogues(extra).items()}
        self._names = tuple((code, spoken.catalogue.name) for code, spoken in self._languages.items())
        self._style = Markup(squeeze_style(read_asset("page.css")))
        self._script = Markup(shorten_names(squeeze_script(read_asset("waiting.js"))))
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
        total = None if view.people_ahead is None else view.ahead_at_join
        counted = view.people_ahead is not None and view.state not in UNCOUNTED
        return self._page(
            "waiting.html",
            spoken,
            view=view,
            back=same_site_path(view.entry_url),
            nonce=nonce,
            title=title(view, spoken),
            text=text,
            why=view.slower_reason if view.slower_reason in SLOWER else text.why,
            lead=lead(view, spoken),
            counted=counted,
            estimate=estimate(view, spoken),
            quieter=quieter(view, spoken),
            total=total,
            passed=max(0, (total or 0) - (view.people_ahead or 0)),
            offline=spoken.say(OFFLINE).replace("%(time)s", "#"),
            places=PLACES_PATH,
            script=self._script,
            plural_rule=Markup(spoken.catalogue.plural_rule.replace(" ", "")),
            config=script_facts(view, spoken),
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
        return page.replace(">\n<", "><").encode()


def _room_facts(room: RoomStatus, spoken: Language) -> dict[str, Any]:
    waiting = "" if room.waiting is None else spoken.count(IN_ROOM, room.waiting)
    spoken_wait = wait(room.wait_low_seconds, room.wait_high_seconds, spoken)
    return {
        "name": room.name,
        "state": ROOMS[room.state],
        "lead": f"{waiting} {spoken_wait}".strip(),
        "quieter_after": room.quieter_after,
    }

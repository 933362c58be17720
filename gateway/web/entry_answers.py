"""Answers to who may not take a new place now, and the address that looks whether cookies come back."""

import secrets

from aiohttp import web

from gateway.core import entry_slip
from gateway.core.decide import Reason
from gateway.core.live_room import LiveRoom
from gateway.core.ticket import Ticket
from gateway.web.answers import TITLES, Answers, HelpBlock, html, problem, wants_html
from gateway.web.door import Barred
from gateway.web.pages.links import enter_path, same_site_path
from gateway.web.pages.views import EntryState, EntryView, WaitingState, WaitingView
from gateway.web.site import Site
from gateway.web.tokens import PASS_COOKIE, TICKET_COOKIE

SLIP_AGE = 300
"""Seconds for which a browser keeps the slip; it is worth nothing afterwards."""
TOO_MANY = 429


class EntryAnswers:
    """Tells visitors to come again, later, or with cookies; pages for browsers, problem documents for the others."""

    def __init__(self, site: Site, answers: Answers) -> None:
        self._site = site
        self._answers = answers

    def barred(
        self,
        request: web.BaseRequest,
        room: LiveRoom,
        barred: Barred,
        held: Ticket | None,
        reference: str,
        region: str = "",
    ) -> web.Response:
        """Answer in the visitor's form; a slip is handed out, a place that is held stays held."""
        if not wants_html(request):
            return self.barred_problem(room, barred, held, reference=reference)
        nonce = secrets.token_urlsafe(16)
        language = self._answers.language(request)
        entry = request.raw_path if request.method in ("GET", "HEAD") else "/"
        if barred.reason is Reason.LIMITED:
            page = self._limited(room, barred, held, entry, reference, self._answers.help(room.name, region))
            body = self._site.pages.waiting(page, language, nonce)
            return html(TOO_MANY, body, nonce, barred.retry_after)
        rules = self._site.settings.rooms[room.name]
        view = EntryView(
            state=EntryState.COME_AGAIN,
            reference=reference,
            updated=self._answers.local_time(),
            entry_url=enter_path(entry),
            retry_after=barred.retry_after,
            slow=max(barred.retry_after, barred.unproven_after),
            slip=barred.slip,
            bits=rules.joins.proof_of_work,
            **self._answers.help(room.name, region),
        )
        body = self._site.pages.entry(view, language, nonce)
        return self._with_slip(html(rules.page_status, body, nonce, barred.retry_after), barred)

    def barred_problem(self, room: LiveRoom, barred: Barred, held: Ticket | None, **members: object) -> web.Response:
        """Answer as a problem document; the slip is its `ticket`, so that clients without cookies can bring it."""
        place = self._answers.place(room, held, room.wait(held)) if held is not None else {}
        if barred.slip:
            place = {"ticket": barred.slip}
            if bits := self._site.settings.rooms[room.name].joins.proof_of_work:
                place["proof_bits"] = bits
        status = TOO_MANY if barred.reason is Reason.LIMITED else 503
        code, title = barred.reason.value, TITLES[barred.reason]
        response = problem(status, code, title, barred.retry_after, room=room.name, **members, **place)
        return self._with_slip(response, barred)

    def _with_slip(self, response: web.Response, barred: Barred) -> web.Response:
        if barred.slip:
            cookie = self._site.tokens.cookie(TICKET_COOKIE, barred.slip, max_age=SLIP_AGE)
            response.headers.add("Set-Cookie", cookie)
        return response

    def _limited(
        self, room: LiveRoom, barred: Barred, held: Ticket | None, entry: str, reference: str, ways: HelpBlock
    ) -> WaitingView:
        return WaitingView(
            room=room.name,
            state=WaitingState.LIMITED,
            retry_after=barred.retry_after,
            ticket_number=held.number if held else None,
            lane=held.lane if held else self._site.settings.rooms[room.name].lane,
            reference=reference,
            updated=self._answers.local_time(),
            poll_url=f"/_talon/rooms/{room.name}",
            entry_url=entry,
            **ways,
        )

    async def enter(self, request: web.BaseRequest) -> web.Response:
        """Lead on to the page that was asked for if a cookie of ours has come back, else explain cookies."""
        back = same_site_path(request.query.get("back", "/"))
        if self._keeps_cookies(request):
            return web.Response(status=303, headers={"Location": back, "Cache-Control": "no-store"})
        nonce = secrets.token_urlsafe(16)
        view = EntryView(
            state=EntryState.NO_COOKIES,
            reference=secrets.token_hex(8),
            updated=self._answers.local_time(),
            entry_url=back,
            **self._answers.help(next(iter(self._site.rooms), "")),
        )
        return html(200, self._site.pages.entry(view, self._answers.language(request), nonce), nonce)

    def _keeps_cookies(self, request: web.BaseRequest) -> bool:
        token, tokens = request.cookies.get(TICKET_COOKIE, ""), self._site.tokens
        if request.cookies.get(PASS_COOKIE) or tokens.read_ticket(token) is not None:
            return True
        return entry_slip.decode(token, tokens.keys) is not None

"""Answers of the gateway itself: the waiting page, problem documents and error pages.

Browsers (`Accept` has `text/html`) get pages, everybody else `application/problem+json`; both carry `Retry-After`.
"""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from typing import TypedDict
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web

from gateway.core.admission import RateReason
from gateway.core.decide import Reason, Wait
from gateway.core.eta import Wait as WaitRange
from gateway.core.eta import poll_after
from gateway.core.live_room import LiveRoom
from gateway.core.place_code import CodeSpace, Place
from gateway.core.place_code import encode as encode_place
from gateway.core.room import RoomView
from gateway.core.ticket import Ticket, encode
from gateway.core.waits import Slower
from gateway.sections import RoomSettings
from gateway.web.moments import quieter, times
from gateway.web.opening_facts import opening_poll, place_facts, turn, with_opening
from gateway.web.pages.language import pick_language
from gateway.web.pages.links import AUTO_COOKIE, LANGUAGE_COOKIE, csp, enter_path
from gateway.web.pages.texts import SLOWER
from gateway.web.pages.views import ErrorView, WaitingState, WaitingView
from gateway.web.site import Site

SOON = 120.0
RETRY_STORE = 3
RETRY_FULL = 60


class HelpBlock(TypedDict):
    """The fields of a page's view that come from the room's settings."""

    operator_message: str
    alternatives: tuple[tuple[str, str], ...]
    emergency: tuple[str, ...]


def wants_html(request: web.BaseRequest) -> bool:
    """Whether the client is a browser that can show a page."""
    return "text/html" in request.headers.get("Accept", "")


def problem(status: int, code: str, title: str, retry_after: int | None = None, **members: object) -> web.Response:
    """Return an `application/problem+json` answer (RFC 9457) that no cache keeps."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status, "code": code, **members}
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
        body["retry_after"] = retry_after
    return web.Response(
        status=status, body=orjson.dumps(body), headers=headers, content_type="application/problem+json"
    )


def json_answer(status: int, body: dict[str, object]) -> web.Response:
    """Return a JSON answer that no cache keeps."""
    return web.Response(
        status=status, body=orjson.dumps(body), headers={"Cache-Control": "no-store"}, content_type="application/json"
    )


def html(status: int, page: bytes, nonce: str, retry_after: int | None = None) -> web.Response:
    """Return a page with the strict policy that all pages have."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": csp(nonce),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return web.Response(status=status, body=page, headers=headers, content_type="text/html", charset="utf-8")


class Answers:
    """Builds the gateway's own answers in the visitor's form and language."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def waiting(
        self,
        request: web.BaseRequest,
        room: LiveRoom,
        wait: Wait,
        *,
        new_ticket: bool,
        missed: bool,
        reference: str,
        region: str = "",
    ) -> web.Response:
        """Answer a visit that must wait; sets the ticket cookie when it is new."""
        ticket = wait.ticket
        left = room.wait(ticket) if ticket else None
        retry_after = self.retry_after(room, wait.reason, left)
        if wants_html(request):
            rules = self._site.settings.rooms[room.name]
            page = self._waiting_page(request, room, wait, left, retry_after, missed=missed, reference=reference)
            page = replace(page, **self.help(room.name, region))
            if new_ticket:
                page = replace(page, entry_url=enter_path(page.entry_url))  # finds out whether the cookie is kept
            nonce = secrets.token_urlsafe(16)
            body = self._site.pages.waiting(page, self.language(request), nonce)
            response = html(rules.page_status, body, nonce, retry_after)
        else:
            response = problem(
                503,
                wait.reason.value,
                TITLES[wait.reason],
                retry_after,
                room=room.name,
                reference=reference,
                **self.place(room, ticket, left),
            )
        if ticket is not None and new_ticket:
            response.headers.add("Set-Cookie", self._site.tokens.ticket_cookie(ticket))
        return response

    def place(self, room: LiveRoom, ticket: Ticket | None, left: WaitRange | None) -> dict[str, object]:
        """Return the members that describe a place: ticket, position, ahead, range of the wait."""
        if ticket is None:
            return {}
        ahead = room.ahead(ticket)
        return {
            "ticket": encode(ticket, self._site.tokens.keys),
            "lane": ticket.lane,
            "number": ticket.number,
            "place_code": self.place_code(room, ticket),
            "ahead": ahead,
            "position": None if ahead is None else ahead + 1,
            "eta_known": left is not None,
            "eta_seconds_low": left.low if left else None,
            "eta_seconds_high": left.high if left else None,
            "eta_reason": (left.slower or None) if left else None,
            **place_facts(room, ticket),
        }

    def place_code(self, room: LiveRoom, ticket: Ticket) -> str | None:
        """Return the short code of a place, by which it is taken to another device; None when there is none."""
        if room.view is None or ticket.epoch != room.view.epoch:
            return None
        space = code_space(self._site, room, room.view)
        return encode_place(Place(lane=ticket.lane, number=ticket.number), space, self._site.tokens.keys) or None

    def retry_after(self, room: LiveRoom, reason: Reason, left: WaitRange | None) -> int:
        """Return the whole seconds until the visitor should ask again."""
        if reason is Reason.STORE_DOWN:
            # Whoever asks in this moment asks again at another one than all the others, over a whole spell of polls.
            return ceil(RETRY_STORE + self._site.chance() * self._site.settings.rooms[room.name].longest_poll)
        if reason is Reason.FULL:
            return ceil(RETRY_FULL * (1 + self._site.chance()))
        longest = self._site.settings.rooms[room.name].longest_poll
        chance = self._site.chance()
        at_opening = opening_poll(room, longest, chance) if reason is Reason.PREQUEUE else None
        return at_opening or poll_after(left, chance, longest=longest)

    def _waiting_page(
        self,
        request: web.BaseRequest,
        room: LiveRoom,
        wait: Wait,
        left: WaitRange | None,
        retry_after: int,
        *,
        missed: bool,
        reference: str,
    ) -> WaitingView:
        rules = self._site.settings.rooms[room.name]
        ticket = wait.ticket
        view = WaitingView(
            room=room.name,
            state=_state(room, wait, left, missed=missed),
            ahead=room.ahead(ticket) if ticket else None,
            eta_low_seconds=left.low if left else None,
            eta_high_seconds=left.high if left else None,
            slower_reason=SLOWER[0] if left and left.slower == Slower.BACKEND else "",
            quieter_after=quieter(self._site, room),
            retry_after=retry_after,
            ticket_number=ticket.number if ticket else None,
            turn=turn(room, ticket),
            lane=ticket.lane if ticket else rules.lane,
            reference=reference,
            updated=self.local_time(),
            poll_url=f"/_talon/rooms/{room.name}",
            entry_url=request.raw_path if request.method in ("GET", "HEAD") else "/",
            place_code=(self.place_code(room, ticket) or "") if ticket else "",
            auto=request.cookies.get(AUTO_COOKIE) == "on",
            **times(self._site, room),
        )
        return with_opening(room, view, self._site.settings.time_zone)

    def help(self, room: str, region: str = "") -> HelpBlock:
        """Return what stands on every page of a room: the operator's message, a region's other ways, urgent numbers."""
        rules = self._site.settings.rooms.get(room) or RoomSettings()
        ways = rules.alternatives_by_region.get(region, rules.alternatives)
        return HelpBlock(operator_message=rules.message, alternatives=ways, emergency=rules.emergency)

    def failure(
        self,
        request: web.BaseRequest,
        room: str,
        status: int,
        code: str,
        title: str,
        reference: str,
        retry_after: int | None,
    ) -> web.Response:
        """Answer for a backend that did not: 502, 503 or 504 with the reference, never a bare text."""
        if not wants_html(request):
            return problem(status, code, title, retry_after, reference=reference)
        nonce = secrets.token_urlsafe(16)
        view = ErrorView(
            status=status,
            reference=reference,
            updated=self.local_time(),
            retry_url=request.raw_path if request.method in ("GET", "HEAD") else "/",
            wrote=request.method not in ("GET", "HEAD", "OPTIONS"),
            retry_after=retry_after,
            **self.help(room),
        )
        return html(status, self._site.pages.error(view, self.language(request), nonce), nonce, retry_after)

    def language(self, request: web.BaseRequest) -> str:
        """Return the language to answer in."""
        return pick_language(
            request.headers.get("Accept-Language", ""),
            request.cookies.get(LANGUAGE_COOKIE),
            self._site.pages.languages,
            self._site.settings.default_language,
        )

    def local_time(self) -> str:
        """Return the time of now in the configured zone, with the zone's name."""
        zone = ZoneInfo(self._site.settings.time_zone)
        return datetime.fromtimestamp(self._site.wall(), UTC).astimezone(zone).strftime("%H:%M:%S %Z")


def code_space(site: Site, room: LiveRoom, view: RoomView) -> CodeSpace:
    """Return what place codes of the room mean now."""
    issued = {name: lane.issued for name, lane in view.lanes.items()}
    lanes = tuple(site.settings.rooms[room.name].lanes)
    return CodeSpace(room=room.name, epoch=view.epoch, lanes=lanes, issued=issued)


TITLES = {
    Reason.QUEUE: "You are in the queue; ask again after the time given, with the same cookies or ticket.",
    Reason.PREQUEUE: "Booking opens at the time given; everybody who is here by then gets a place by lot.",
    Reason.FULL: "The queue is full now; ask again after the time given.",
    Reason.PAUSED: "Booking is stopped for now; your place is kept.",
    Reason.CLOSED: "Booking is closed now; your place is kept.",
    Reason.EXHAUSTED: "There are no free appointments left; your place is kept.",
    Reason.STORE_DOWN: "The queue cannot give numbers just now; a place that you hold is kept.",
    Reason.ENTRY: "Ask again after the time given, with the same cookies or ticket, to get a place.",
    Reason.LIMITED: "Too many requests; ask again after the time given. A place that you hold is kept.",
}


_STOPPED = {
    RateReason.PAUSED: WaitingState.PAUSED,
    RateReason.CLOSED: WaitingState.CLOSED,
    RateReason.EXHAUSTED: WaitingState.SLOTS_EXHAUSTED,
}


def _state(room: LiveRoom, wait: Wait, left: WaitRange | None, *, missed: bool) -> WaitingState:
    if wait.reason is Reason.PREQUEUE:
        return WaitingState.PREQUEUE
    if wait.reason is Reason.STORE_DOWN:
        return WaitingState.STORE_DOWN
    if wait.reason is Reason.FULL:
        return WaitingState.FULL
    if room.paused:
        return _STOPPED[room.reason]
    if missed:
        return WaitingState.RETURNING
    if left is None:
        return WaitingState.WAITING_UNKNOWN
    if left.high <= SOON:
        return WaitingState.SOON
    return WaitingState.SLOWER if left.slower else WaitingState.WAITING

"""The gateway's own addresses for visitors: `/_talon/...`.

The now-serving document is the same for everyone and at most a second old, so that a cache can carry all pollers;
`authorize` lets another proxy ask who may pass; what there is stands in `openapi.json`.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version
from math import inf

import orjson
from aiohttp import web

from gateway.core.admission import RateReason
from gateway.core.control import Control
from gateway.core.live_room import LiveRoom
from gateway.web.answers import Answers, html, json_answer, problem, wants_html
from gateway.web.door import Door
from gateway.web.entry_answers import EntryAnswers
from gateway.web.forward_auth import Receive, authorize
from gateway.web.moments import quieter
from gateway.web.openapi import document
from gateway.web.opening_facts import published
from gateway.web.pages.links import PREFERENCES_PATH, read_preferences
from gateway.web.pages.views import RoomState, RoomStatus, StatusView
from gateway.web.place_api import PlaceApi
from gateway.web.reception import Reception, note_presence
from gateway.web.shared import SharedDocument
from gateway.web.site import Site
from gateway.web.ticket_api import TicketApi

PREFIX = "/_talon/"
_STOPPED = {
    RateReason.PAUSED: RoomState.PAUSED,
    RateReason.CLOSED: RoomState.CLOSED,
    RateReason.EXHAUSTED: RoomState.SLOTS_EXHAUSTED,
}
REFRESH = 0.5
"""Seconds for which a made now-serving document is given out."""
READ = ("GET", "HEAD")
ANY = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


Answer = Callable[..., Awaitable[web.StreamResponse]]


class RoomApi:
    """Answers everything below `/_talon/`."""

    def __init__(self, site: Site, answers: Answers, reception: Reception, door: Door, receive: Receive) -> None:
        self._site = site
        self._receive = receive
        self._answers = answers
        tickets, places = TicketApi(site, answers, reception, door), PlaceApi(site, answers, door)
        self._polls = {f"{PREFIX}rooms/{name}": room for name, room in site.rooms.items()}
        self._documents: dict[str, tuple[float, SharedDocument]] = {}
        self._described: tuple[tuple[str, ...], SharedDocument] = ((), SharedDocument(b"", max_age=0))
        self._routes: dict[tuple[str, int], tuple[tuple[str, ...], Answer]] = {
            ("rooms", 2): (READ, self._now_serving),
            ("tickets", 1): (("POST",), tickets.join),
            ("tickets", 2): (("GET", "DELETE"), tickets.ticket),
            ("places", 1): (("POST",), places.move),
            ("enter", 1): (READ, EntryAnswers(site, answers).enter),
            ("authorize", 1): (ANY, self._authorize),
            ("status", 1): (READ, self._status),
            ("openapi.json", 1): (READ, self._openapi),
            (PREFERENCES_PATH.removeprefix(PREFIX), 1): (("GET", "POST"), self._preferences),
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Find the address and answer; what is not known is 404, a wrong method 405."""
        # Polls are most of all requests in a rush: they are known by their plain path before anything is taken apart.
        if (room := self._polls.get(request.raw_path)) is not None and request.method == "GET":
            return self._poll(request, room)
        parts = request.path[len(PREFIX) :].split("/")
        route = self._routes.get((parts[0], len(parts)))
        if route is None:
            return problem(404, "not_found", "There is no such address.")
        methods, answer = route
        if request.method not in methods:
            response = problem(405, "method_not_allowed", f"Use {' or '.join(methods)}.")
            response.headers["Allow"] = ", ".join(methods)
            return response
        return await answer(request, *parts[1:])

    async def _now_serving(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        room = self._site.rooms.get(name)
        if room is None:
            return problem(404, "no_such_room", f"There is no such room; expected one of {sorted(self._site.rooms)}.")
        return self._poll(request, room)

    def _poll(self, request: web.BaseRequest, room: LiveRoom) -> web.StreamResponse:
        # A poll shows that its visitor is still there; where a cache answers polls, the page itself must come by.
        if (ticket := self._site.tokens.ticket(request, room.name)) is not None:
            note_presence(room, ticket)
        now = self._site.clock()
        made, document = self._documents.get(room.name, (-inf, None))
        if document is None or now - made >= REFRESH:
            document = SharedDocument(orjson.dumps(now_serving(room)), max_age=1)
            self._documents[room.name] = now, document
        return document.answer(request)

    async def _authorize(self, request: web.BaseRequest) -> web.Response:
        """Tell another proxy whether the request that it holds may pass: 204, or what it is to do instead."""
        return await authorize(self._site, request, self._receive)

    async def _openapi(self, request: web.BaseRequest) -> web.StreamResponse:
        rooms, described = self._described
        if rooms != tuple(self._site.rooms):
            rooms = tuple(self._site.rooms)
            described = SharedDocument(orjson.dumps(document(rooms, version("talon-gateway"))), max_age=300)
            self._described = rooms, described
        return described.answer(request)

    async def _status(self, request: web.BaseRequest) -> web.Response:
        rooms = tuple(
            replace(room_status(room), quieter_after=quieter(self._site, room)) for room in self._site.rooms.values()
        )
        store_up = all(room.store_up for room in self._site.rooms.values())
        if not wants_html(request):
            listed = [{"name": r.name, "state": r.state.value, "waiting": r.waiting} for r in rooms]
            return json_answer(200, {"store_up": store_up, "rooms": listed})
        nonce = secrets.token_urlsafe(16)
        view = StatusView(
            rooms=rooms,
            reference=secrets.token_hex(8),
            updated=self._answers.local_time(),
            store_up=store_up,
            **self._answers.help(next(iter(self._site.rooms), "")),
        )
        return html(200, self._site.pages.status(view, self._answers.language(request), nonce), nonce)

    async def _preferences(self, request: web.BaseRequest) -> web.Response:
        wanted = read_preferences(request.query, self._site.pages.languages)
        response = web.Response(status=303, headers={"Location": wanted.back, "Cache-Control": "no-store"})
        for name, value in wanted.cookies:
            response.headers.add("Set-Cookie", self._site.tokens.cookie(name, value, max_age=31_536_000))
        return response


def now_serving(room: LiveRoom) -> dict[str, object]:
    """Return the shared document of a room: counters, rates and advice on when to poll; nothing personal."""
    view = room.view
    state = room_status(room).state.value
    if view is None:
        return {"room": room.name, "state": state, "lanes": {}}
    lanes = {}
    for name, lane in view.lanes.items():
        wait = room.newcomer_wait(name)
        lanes[name] = {
            "serving": lane.serving,
            "issued": lane.issued,
            "rate": round(room.lane_rate(name) or 0.0, 2),
            "newcomer_wait": [wait.low, wait.high] if wait else None,
        }
    served = {
        "room": room.name,
        "epoch": view.epoch,
        "state": state,
        "at": int(view.now),
        "advice": {"quieter_after": room.quieter_after},
        "lanes": lanes,
    }
    return served if room.openings.cohort is None else {**served, "opening": published(room.openings.cohort)}


def room_status(room: LiveRoom) -> RoomStatus:
    """Return the public state of a room."""
    view = room.view
    if view is None or not room.store_up:
        return RoomStatus(name=room.name, state=RoomState.STORE_DOWN)
    if room.openings.prequeue:
        return RoomStatus(name=room.name, state=RoomState.PREQUEUE, waiting=view.waiting)
    state = _STOPPED.get(room.reason) or (RoomState.QUEUEING if view.waiting else RoomState.OPEN)
    return RoomStatus(name=room.name, state=state, waiting=view.waiting)


def paused_by(control: Control, now: float) -> dict[str, object] | None:
    """Return who set the room by hand, why and until when, or None."""
    if not control.active(now):
        return None
    said = {"action": control.action, "author": control.author, "reason": control.reason, "until": control.until}
    return {**said, "back_at": control.back_at} if control.back_at else said

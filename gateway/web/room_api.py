"""The gateway's own addresses for visitors: `/_talon/...`.

The now-serving document is the same for everyone and at most a second old, so that a cache can carry all pollers;
the ticket API is for apps without cookies; `authorize` lets another proxy ask who may pass.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from gateway.core.classify import origin_form
from gateway.core.control import Control
from gateway.core.decide import Forward, Wait
from gateway.core.live_room import LiveRoom
from gateway.errors import StoreUnavailable
from gateway.web.answers import Answers, html, problem, wants_html
from gateway.web.pages.links import PREFERENCES_PATH, read_preferences
from gateway.web.pages.views import RoomState, RoomStatus, StatusView
from gateway.web.reception import Reception
from gateway.web.site import Site

PREFIX = "/_talon/"


class RoomApi:
    """Answers everything below `/_talon/`."""

    def __init__(self, site: Site, answers: Answers, reception: Reception) -> None:
        self._site = site
        self._answers = answers
        self._reception = reception
        self._documents: dict[str, tuple[float, bytes, str]] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Find the address and answer; what is not known is 404, a wrong method 405."""
        parts = request.path[len(PREFIX) :].split("/")
        routes: dict[tuple[str, int], tuple[tuple[str, ...], Callable[..., Awaitable[web.Response]]]] = {
            ("rooms", 2): (("GET", "HEAD"), self._now_serving),
            ("tickets", 1): (("POST",), self._join),
            ("tickets", 2): (("GET", "DELETE"), self._ticket),
            ("authorize", 1): ((), self._authorize),
            ("status", 1): (("GET", "HEAD"), self._status),
            (PREFERENCES_PATH.removeprefix(PREFIX), 1): (("GET", "POST"), self._preferences),
        }
        route = routes.get((parts[0], len(parts)))
        if route is None:
            return problem(404, "not_found", "There is no such address.")
        methods, answer = route
        if methods and request.method not in methods:
            response = problem(405, "method_not_allowed", f"Use {' or '.join(methods)}.")
            response.headers["Allow"] = ", ".join(methods)
            return response
        return await answer(request, *parts[1:])

    async def _now_serving(self, request: web.BaseRequest, name: str) -> web.Response:
        room = self._site.rooms.get(name)
        if room is None:
            return problem(404, "no_such_room", f"There is no room {name!r}.")
        # A poll shows that its visitor is still there; where a cache answers polls, the page itself must come by.
        if (ticket := self._site.tokens.ticket(request, room.name)) is not None:
            room.note_heartbeat(ticket)
        body, tag = self._document(room)
        headers = {"Cache-Control": "public, max-age=1", "ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers, content_type="application/json")

    def _document(self, room: LiveRoom) -> tuple[bytes, str]:
        now = self._site.clock()
        made, body, tag = self._documents.get(room.name, (-1e9, b"", ""))
        if now - made >= 0.5:
            body = orjson.dumps(now_serving(room))
            tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
            self._documents[room.name] = (now, body, tag)
        return body, tag

    async def _join(self, request: web.BaseRequest) -> web.Response:
        body = await _json(request)
        rooms = self._site.rooms
        name = body.get("room") or (next(iter(rooms)) if len(rooms) == 1 else None)
        room = rooms.get(str(name))
        if room is None:
            return problem(422, "no_such_room", f"room: expected one of {sorted(rooms)}.")
        held = self._site.tokens.ticket(request, room.name)
        outcome = await self._reception.receive(
            room, express=False, lane=self._site.settings.rooms[room.name].lane, held=held, admission=None
        )
        return self._place(request, room, outcome.decision, created=outcome.new_ticket)

    async def _ticket(self, request: web.BaseRequest, token: str) -> web.Response:
        ticket = self._site.tokens.read_ticket(token)
        room = self._site.rooms.get(ticket.room) if ticket else None
        if ticket is None or room is None:
            return problem(404, "no_such_ticket", "This is not a ticket of this gateway.")
        if request.method == "DELETE":
            try:
                left = await self._site.store.leave(room.name, ticket.lane, ticket.number, ticket.epoch)
            except StoreUnavailable:
                return problem(503, "store_down", "Ask again after the time given; your place is kept.", 3)
            return web.Response(status=204 if left else 410)
        rules = self._site.settings.rooms[room.name]
        lane = ticket.lane if ticket.lane in rules.lanes else rules.lane
        outcome = await self._reception.receive(room, express=False, lane=lane, held=ticket, admission=None)
        return self._place(request, room, outcome.decision, created=False)

    def _place(
        self, request: web.BaseRequest, room: LiveRoom, decision: Forward | Wait, *, created: bool
    ) -> web.Response:
        site = self._site
        if isinstance(decision, Forward):
            if decision.admission is None:
                return _json_answer(200, {"state": "open", "room": room.name})
            now = site.store_now(room)
            cookies = site.tokens.pass_cookies(decision.admission, now)
            token = cookies[0].partition("=")[2].partition(";")[0]
            response = _json_answer(
                200,
                {"state": "admitted", "room": room.name, "pass": token, "expires_at": decision.admission.expires_at},
            )
            for cookie in cookies:
                response.headers.add("Set-Cookie", cookie)
            return response
        left = room.wait(decision.ticket) if decision.ticket else None
        retry_after = self._answers.retry_after(room, decision.reason, left)
        if decision.ticket is None:
            return problem(503, decision.reason.value, "No place can be given now.", retry_after)
        body = {
            "state": "waiting",
            "room": room.name,
            "reason": decision.reason.value,
            "retry_after": retry_after,
            **self._answers.place(room, decision.ticket, left),
        }
        response = _json_answer(201 if created else 200, body)
        response.headers["Retry-After"] = str(retry_after)
        if created:
            response.headers.add("Set-Cookie", site.tokens.ticket_cookie(decision.ticket))
        return response

    async def _authorize(self, request: web.BaseRequest) -> web.Response:
        """Tell another proxy whether the request that it holds may pass: 204, or 401 with Retry-After."""
        method = request.headers.get("X-Original-Method") or request.headers.get("X-Forwarded-Method") or "GET"
        uri = request.headers.get("X-Original-URI") or request.headers.get("X-Forwarded-Uri") or "/"
        seen = self._site.classifier.classify(method, origin_form(uri).partition("?")[0])
        room = self._site.rooms.get(seen.room or "")
        if room is None or seen.request_class.express:
            return web.Response(status=204)
        admission = self._site.tokens.admission(request, room.name, self._site.store_now(room))
        if admission is not None:
            room.ledger.note_request(admission.visit, admission.pool, self._site.clock())
            return web.Response(status=204, headers={"Talon-Visit-Id": admission.visit})
        return problem(401, "no_pass", "Send the visitor to the gateway.", 1, room=room.name)

    async def _status(self, request: web.BaseRequest) -> web.Response:
        rooms = tuple(room_status(room) for room in self._site.rooms.values())
        store_up = all(room.store_up for room in self._site.rooms.values())
        if not wants_html(request):
            listed = [{"name": r.name, "state": r.state.value, "waiting": r.waiting} for r in rooms]
            return _json_answer(200, {"store_up": store_up, "rooms": listed})
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
            response.headers.add("Set-Cookie", f"{name}={value}; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax")
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
    return {"room": room.name, "epoch": view.epoch, "state": state, "at": int(view.now), "lanes": lanes}


def room_status(room: LiveRoom) -> RoomStatus:
    """Return the public state of a room."""
    view = room.view
    if view is None or not room.store_up:
        return RoomStatus(name=room.name, state=RoomState.STORE_DOWN)
    state = RoomState.PAUSED if room.paused else RoomState.QUEUEING if view.waiting else RoomState.OPEN
    return RoomStatus(name=room.name, state=state, waiting=view.waiting)


def paused_by(control: Control, now: float) -> dict[str, object] | None:
    """Return who set the room by hand, why and until when, or None."""
    if not control.active(now):
        return None
    return {"action": control.action, "author": control.author, "reason": control.reason, "until": control.until}


def _json_answer(status: int, body: dict[str, object]) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def _json(request: web.BaseRequest) -> dict[str, object]:
    if not request.can_read_body or (request.content_length or 0) > 10_000:
        return {}
    try:
        body = orjson.loads(await request.content.read(10_001))
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}

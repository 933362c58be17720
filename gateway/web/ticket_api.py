"""The ticket API, for apps that would rather ask for a place than repeat a request: join, look, leave."""

from collections import OrderedDict

from aiohttp import web

from gateway.core.decide import Forward, Wait
from gateway.core.live_room import LiveRoom
from gateway.core.ticket import Ticket
from gateway.errors import StoreUnavailable
from gateway.web.answers import Answers, json_answer, problem
from gateway.web.body import read_json
from gateway.web.door import Door
from gateway.web.entry_answers import EntryAnswers
from gateway.web.reception import Outcome, Reception
from gateway.web.site import Site

MAX_LEFT = 50_000


class TicketApi:
    """Answers `/_talon/tickets` and `/_talon/tickets/TOKEN`."""

    def __init__(self, site: Site, answers: Answers, reception: Reception, door: Door) -> None:
        self._site = site
        self._answers = answers
        self._entry = EntryAnswers(site, answers)
        self._reception = reception
        self._door = door
        # The counters do not show who left, so this gateway remembers its last leavers; the others learn of them from
        # the store when the turn of the place comes.
        self._left: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def join(self, request: web.BaseRequest) -> web.Response:
        """Give a place in the room that the body names; a ticket that still holds one keeps it."""
        body = await read_json(request)
        if isinstance(body, web.Response):
            return body
        rooms = self._site.rooms
        name = body.get("room", next(iter(rooms)) if len(rooms) == 1 else None)
        room = rooms.get(name) if isinstance(name, str) else None
        if room is None:
            return problem(422, "no_such_room", f"room: expected one of {sorted(rooms)}.")
        held = self._site.tokens.ticket(request, room.name)
        if held is not None and self._has_left(held):
            held = None
        newcomer = self._site.newcomer(request, room)
        outcome = await self._reception.receive(
            room,
            express=False,
            newcomer=newcomer,
            held=held,
            admission=None,
            keeper=self._door.keeper(room, request, newcomer),
        )
        return self._standing(room, outcome, 201 if outcome.new_ticket else 200)

    async def ticket(self, request: web.BaseRequest, token: str) -> web.Response:
        """Tell how the place of a ticket stands, or give it up."""
        ticket = self._site.tokens.read_ticket(token)
        room = self._site.rooms.get(ticket.room) if ticket else None
        if ticket is None or room is None:
            return problem(404, "no_such_ticket", "This is not a ticket of this gateway.")
        if request.method == "DELETE":
            return await self._leave(room, ticket)
        if self._has_left(ticket):
            return _no_place()
        newcomer = self._site.newcomer(request, room, lane=ticket.lane)
        outcome = await self._reception.receive(
            room,
            express=False,
            newcomer=newcomer,
            held=ticket,
            admission=None,
            rejoin=False,
            keeper=self._door.keeper(room, request, newcomer),
        )
        return _no_place() if outcome.gone else self._standing(room, outcome, 200)

    async def _leave(self, room: LiveRoom, ticket: Ticket) -> web.Response:
        try:
            left = await self._site.store.leave(room.name, ticket.lane, ticket.number, ticket.epoch)
        except StoreUnavailable:
            return problem(503, "store_down", "Ask again after the time given; your place is kept.", 3)
        if not left:
            return _no_place()
        self._left[ticket.room, ticket.visit] = None
        if len(self._left) > MAX_LEFT:
            self._left.popitem(last=False)
        response = web.Response(status=204, headers={"Cache-Control": "no-store"})
        response.headers.add("Set-Cookie", self._site.tokens.left_cookie())
        return response

    def _has_left(self, ticket: Ticket) -> bool:
        return (ticket.room, ticket.visit) in self._left

    def _standing(self, room: LiveRoom, outcome: Outcome, status: int) -> web.Response:
        match outcome.decision:
            case Forward() as forward:
                return self._admitted(room, forward)
            case Wait() as wait:
                if outcome.barred is not None:
                    return self._entry.barred_problem(room, outcome.barred, wait.ticket)
                return self._place(room, wait, status, new_ticket=outcome.new_ticket)

    def _admitted(self, room: LiveRoom, decision: Forward) -> web.Response:
        admission = decision.admission
        if admission is None:
            return json_answer(200, {"state": "open", "room": room.name})
        cookies = self._site.tokens.pass_cookies(admission, self._site.store_now(room))
        token = cookies[0].partition("=")[2].partition(";")[0]
        body = {"state": "admitted", "room": room.name, "pass": token, "expires_at": admission.expires_at}
        response = json_answer(200, body)
        for cookie in cookies:
            response.headers.add("Set-Cookie", cookie)
        return response

    def _place(self, room: LiveRoom, decision: Wait, status: int, *, new_ticket: bool) -> web.Response:
        ticket = decision.ticket
        left = room.wait(ticket) if ticket else None
        retry_after = self._answers.retry_after(room, decision.reason, left)
        if ticket is None:
            return problem(503, decision.reason.value, "No place can be given now.", retry_after)
        body = {
            "state": "waiting",
            "room": room.name,
            "reason": decision.reason.value,
            "retry_after": retry_after,
            **self._answers.place(room, ticket, left),
        }
        response = json_answer(status, body)
        response.headers["Retry-After"] = str(retry_after)
        if new_ticket:
            response.headers.add("Set-Cookie", self._site.tokens.ticket_cookie(ticket))
        return response


def _no_place() -> web.Response:
    return problem(410, "no_place", "This ticket holds no place any more; join again.")

"""A place is taken to another device by its code: `POST /_talon/places`.

A code names a place to whoever reads it, so it must not be found by trying: few tries for each address, the same work
for every text, and a place is handed over only while it waits. A place that was claimed, left or missed for good gives
410: a code never opens a room by itself. Other sites may not post here, or they could exchange a visitor's place.
"""

from urllib.parse import parse_qsl

from aiohttp import web

from gateway.core import place_code
from gateway.core.live_room import LiveRoom
from gateway.core.place_code import Place
from gateway.core.room import Standing
from gateway.core.ticket import MAX_NUMBER, Ticket
from gateway.errors import StoreUnavailable
from gateway.web.answers import Answers, code_space, json_answer, problem
from gateway.web.body import as_json, read_body
from gateway.web.door import Door, arrival_of
from gateway.web.pages.links import same_site_path
from gateway.web.site import Site

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20


class PlaceApi:
    """Answers `/_talon/places`."""

    def __init__(self, site: Site, answers: Answers, door: Door) -> None:
        self._site = site
        self._answers = answers
        self._door = door

    async def move(self, request: web.BaseRequest) -> web.Response:
        """Hand the place of a code over: a form is sent on to the room with the ticket, an app gets the place."""
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin", "same-site"):
            return problem(403, "cross_site", "A place code is entered on this site only.")
        fields = await _fields(request)
        if isinstance(fields, web.Response):
            return fields
        rooms = self._site.rooms
        name = fields.get("room", next(iter(rooms)) if len(rooms) == 1 else None)
        room = rooms.get(name) if isinstance(name, str) else None
        code = fields.get("code")
        if room is None or not isinstance(code, str):
            return problem(422, "no_such_room", f"Expected a code, and as room one of {sorted(rooms)}.")
        barred = self._door.guess(arrival_of(request, self._site.settings.proxy.trusted_proxies).origin)
        if barred is not None:
            return problem(429, "limited", "Too many codes were tried; wait a little.", barred.retry_after)
        try:
            ticket = await self._ticket(room, code)
        except StoreUnavailable:
            return problem(503, "store_down", "Ask again after the time given; your place is kept.", 3)
        if ticket is None:
            return problem(410, "no_place", "This code stands for no place that waits. Look at the characters again.")
        return self._handed_over(request, room, ticket)

    async def _ticket(self, room: LiveRoom, code: str) -> Ticket | None:
        view = room.view
        if view is None or not room.store_up:
            raise StoreUnavailable("no view of the room yet")
        space = code_space(self._site, room, view)
        # The store is asked for a text that means nothing too, so that the time tells nothing.
        for place in place_code.decode(code, space, self._site.tokens.keys) or [Place(lane=space.lanes[0], number=0)]:
            standing = await self._site.store.standing(room.name, place.lane, place.number, view.epoch)
            if standing is Standing.WAITING and place.number < MAX_NUMBER:
                joined_at = view.lanes[place.lane].joined_at(place.number, view.now)
                return Ticket(
                    room=room.name, epoch=view.epoch, lane=place.lane, number=place.number, joined_at=joined_at
                )
        return None

    def _handed_over(self, request: web.BaseRequest, room: LiveRoom, ticket: Ticket) -> web.Response:
        if request.content_type == FORM:
            entry = same_site_path(self._site.settings.rooms[room.name].paths[0])
            response = web.Response(status=303, headers={"Location": entry, "Cache-Control": "no-store"})
        else:
            left = room.wait(ticket)
            body = {"state": "waiting", "room": room.name, **self._answers.place(room, ticket, left)}
            response = json_answer(200, body)
        response.headers.add("Set-Cookie", self._site.tokens.ticket_cookie(ticket))
        return response


async def _fields(request: web.BaseRequest) -> dict[str, object] | web.Response:
    data = await read_body(request)
    if isinstance(data, web.Response):
        return data
    if request.content_type != FORM:
        return as_json(data)
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        return problem(400, "bad_form", "The body is not a form.")

"""The gate: every visitor's request comes here and leaves as one answer, one log line and one count."""

import itertools
import secrets
from collections.abc import Awaitable
from functools import partial

from aiohttp import web

from gateway.core.classify import origin_form
from gateway.core.decide import TEXTS, Forward, Reason, open_at_once
from gateway.core.live_room import LiveRoom
from gateway.core.pass_load import PassLoad
from gateway.core.passes import Pass
from gateway.errors import UpstreamFailed, VisitorFailed
from gateway.web.answers import Answers, problem
from gateway.web.door import Door
from gateway.web.entry_answers import EntryAnswers
from gateway.web.idempotent import Idempotent
from gateway.web.passing import Passing, Seen, said
from gateway.web.reception import Outcome, Reception
from gateway.web.refusals import refusal
from gateway.web.room_api import PREFIX, RoomApi
from gateway.web.site import Site
from gateway.wire.plain_request import PlainRequest
from gateway.wire.relayed import Done, Relayed, Response


class Gate:
    """Answers the visitors' address."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers = Answers(site)
        self._entry = EntryAnswers(site, self._answers)
        self._reception = Reception(site)
        self._door = Door(site)
        self._load = PassLoad()
        self._idempotent = Idempotent(site)
        self._passing = Passing(site, self._answers, self._idempotent)
        self._id_prefix, self._ids = secrets.token_hex(4), itertools.count(secrets.randbits(31))
        self._api = RoomApi(site, self._answers, self._reception, self._door, self.receive)

    def handle(self, request: web.BaseRequest) -> Awaitable[Response]:
        """Return what answers one request, to be awaited."""
        way = self.begin(request, None)
        assert way is not None
        return way

    def begin(self, request: web.BaseRequest, done: Done | None) -> Awaitable[Response] | None:
        """Return what answers a request, to be awaited; None for a read that was sent at once, of which `done` hears.

        Without `done` nothing is sent at once.
        """
        if _is_own(request):
            return self._api.handle(request)
        site, number = self._site, f"{self._id_prefix}{next(self._ids):08x}"
        if type(request) is PlainRequest:  # there is nothing in it to refuse
            seen = Seen(site.classifier.classify("GET", request.path_part), number, site.clock())
        else:
            path = path_of(request)
            seen = Seen(site.classifier.classify_request(request.method, path, request.headers), number, site.clock())
            if refused := refusal(request, path, seen):
                return self._finish(request, seen, said(refused))
        way = self._way(request, seen)
        if way is None:
            if done is not None and request.method in READS:
                answered = partial(self._answered, request, seen, done)
                if self._passing.begin(request, seen, answered):
                    return None
            way = self._passing.carry_out(request, seen)
        return self._finish(request, seen, way)

    def _answered(
        self, request: web.BaseRequest, seen: Seen, done: Done, result: Relayed | Awaitable[Response] | None
    ) -> None:
        """Take what has become of a request that was sent at once."""
        if result is None or isinstance(result, Relayed):
            self._leave(request, seen, result)
            done(result)
        else:
            done(self._finish(request, seen, result))

    async def _finish(self, request: web.BaseRequest, seen: Seen, way: Awaitable[Response]) -> Response:
        """Wait for the answer of a request and note it."""
        response: Response | None = None
        try:
            response = await way
        except VisitorFailed as failed:
            seen.decision = failed.code
            response = problem(failed.status, failed.code, failed.title, reference=seen.id)
            response.force_close()
        except UpstreamFailed as failed:
            response = self._passing.failed(request, seen, failed)
        finally:
            self._leave(request, seen, response)
        if not isinstance(response, Relayed):
            response.headers.setdefault("X-Request-Id", seen.id)
        return response

    def _way(self, request: web.BaseRequest, seen: Seen) -> Awaitable[Response] | None:
        """Return what answers the request; None when it is to be forwarded, as `seen` says."""
        site, kind = self._site, seen.classified.request_class
        room = site.rooms.get(seen.classified.room) if seen.classified.room else None
        admission = site.admission(request, room) if room else None
        most = seen.most = kind.max_body or site.settings.proxy.max_body
        if request.can_read_body and (request.content_length or 0) > most:
            seen.decision = "body_too_large"
            return said(problem(413, "body_too_large", f"At most {most} bytes are accepted.", reference=seen.id))
        if self._idempotent.concerns(request):
            return self._keyed_way(request, room, admission, seen)
        return self._open_way(request, room, admission, seen)

    async def _keyed_way(
        self, request: web.BaseRequest, room: LiveRoom | None, admission: Pass | None, seen: Seen
    ) -> Response:
        keyed = await self._idempotent.read(request, partial(self._visit, request, room), seen.id)
        if isinstance(keyed, web.Response):
            seen.decision = "repetition"
            return keyed
        seen.keyed = keyed
        return await (self._open_way(request, room, admission, seen) or self._passing.carry_out(request, seen))

    def _open_way(
        self, request: web.BaseRequest, room: LiveRoom | None, admission: Pass | None, seen: Seen
    ) -> Awaitable[Response] | None:
        express = seen.classified.request_class.express
        reason = open_at_once(express=express, room=room is not None, admitted=admission is not None)
        if reason is None:
            assert room is not None
            return self._received(request, room, seen)
        seen.decision = TEXTS[reason]
        if reason is _PASS:
            return self._let_in(request, room, admission, seen)
        self._passing.plan(request, room, admission, seen)
        return None

    async def _received(self, request: web.BaseRequest, room: LiveRoom, seen: Seen) -> Response:
        received = await self.receive(request, room, seen)
        if not isinstance(received, Outcome):
            return received
        assert isinstance(received.decision, Forward)
        way = self._let_in(request, room, received.decision.admission, seen, new_pass=received.new_pass)
        return await (way or self._passing.carry_out(request, seen))

    async def receive(self, request: web.BaseRequest, room: LiveRoom, seen: Seen) -> web.Response | Outcome:
        """Receive one who has no pass: returns the answer with a place, or the outcome that lets the request in."""
        site = self._site
        held = site.tokens.ticket(request, room.name)
        newcomer = site.newcomer(request, room, request_class=seen.classified.request_class.name)
        outcome = await self._reception.receive(
            room,
            express=False,
            newcomer=newcomer,
            held=held,
            admission=None,
            observe=site.observes(request, room),
            keeper=self._door.keeper(room, request, newcomer),
        )
        decision = outcome.decision
        seen.decision = str(decision.reason)
        if outcome.new_ticket or outcome.new_pass or held is None:
            seen.person = site.somebody(request)
            seen.region = newcomer.home() if outcome.new_ticket or outcome.new_pass else None
        if isinstance(decision, Forward):
            return outcome
        if decision.ticket is not None:
            seen.visit, seen.lane = decision.ticket.visit, decision.ticket.lane
        # Who a visitor is costs a signature; it is looked up only where a page differs by it.
        region = newcomer.region() if site.settings.rooms[room.name].alternatives_by_region else ""
        if outcome.barred is not None:
            return self._entry.barred(request, room, outcome.barred, decision.ticket, seen.id, region)
        return self._answers.waiting(
            request,
            room,
            decision,
            new_ticket=outcome.new_ticket,
            missed=outcome.missed,
            reference=seen.id,
            region=region,
        )

    def _let_in(
        self,
        request: web.BaseRequest,
        room: LiveRoom | None,
        admission: Pass | None,
        seen: Seen,
        *,
        new_pass: bool = False,
    ) -> Awaitable[Response] | None:
        """Plan to forward, unless too much is under way with one pass."""
        if room is not None and admission is not None:
            visit = f"{room.name}|{admission.visit}"
            if not self._load.begin(visit, self._site.settings.rooms[room.name].pass_concurrency):
                seen.decision, seen.visit, seen.lane = "pass_busy", admission.visit, admission.lane
                busy = "Too many requests with one pass are open."
                return said(problem(429, "pass_busy", busy, 1, reference=seen.id))
            seen.open_visit = visit
        self._passing.plan(request, room, admission, seen, new_pass=new_pass)
        return None

    def _visit(self, request: web.BaseRequest, room: LiveRoom | None) -> str:
        """The visit that the request's pass proves, even if that has ended meanwhile."""
        admission = self._site.tokens.admission(request, room.name, self._site.store_now(room)) if room else None
        return admission.visit if admission else ""

    def _leave(self, request: web.BaseRequest, seen: Seen, response: Response | None) -> None:
        """Count a request out, and write its line."""
        site = self._site
        if seen.open_visit:
            self._load.end(seen.open_visit)
        elapsed = site.clock() - seen.started
        room, name = seen.classified.room or "", seen.classified.request_class.name
        site.metrics.requests.note(room, name, seen.decision)
        site.metrics.duration.note(elapsed, seen.decision)
        if not site.access_log.on:
            return
        line = site.access_log.begin(request.method, path_of(request), name)
        if response is not None:
            line["status"] = response.status
        if room:
            line["room"] = room
        line["decision"] = "wait" if seen.decision in _WAITS else seen.decision
        line["reason"] = seen.decision
        if seen.pool is not None:
            line["pool"] = seen.pool
        if seen.visit is not None:
            line["visit"], line["lane"] = seen.visit, seen.lane
        if seen.person is not None:
            line["person"] = seen.person
        if seen.region:
            line["region"] = seen.region
        line["ms"] = int(elapsed * 10_000 + 0.5) / 10
        line["id"] = seen.id
        site.access_log.write(line)


def path_of(request: web.BaseRequest) -> str:
    """Return the path of a request as it came, without the query."""
    return request.path_part if type(request) is PlainRequest else origin_form(request.raw_path).partition("?")[0]


_PASS = Reason.PASS
READS = frozenset({"GET", "HEAD"})


def _is_own(request: web.BaseRequest) -> bool:
    """Whether a request is for the gateway itself; most are told apart without being decoded."""
    if type(request) is PlainRequest:
        return request.path_part.startswith(PREFIX)
    target = request.raw_path
    if target.startswith("/") and not target.startswith(PREFIX) and "%" not in target:
        return False
    return request.path.startswith(PREFIX)


_WAITS = frozenset(
    {
        *(Reason.QUEUE, Reason.PREQUEUE, Reason.FULL, Reason.PAUSED, Reason.CLOSED, Reason.EXHAUSTED),
        *(Reason.STORE_DOWN, Reason.ENTRY, Reason.LIMITED),
    }
)

"""The gate: every visitor's request comes here and leaves as one answer, one log line and one count."""

import itertools
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from gateway.core.classify import origin_form
from gateway.core.decide import Forward, Reason, forward_at_once
from gateway.core.live_room import LiveRoom
from gateway.core.pass_load import PassLoad
from gateway.core.passes import Pass
from gateway.errors import UpstreamFailed, VisitorFailed
from gateway.web.answers import Answers, problem
from gateway.web.door import Door
from gateway.web.entry_answers import EntryAnswers
from gateway.web.idempotent import Idempotent
from gateway.web.passing import Passing, Plan, Seen, said
from gateway.web.reception import Outcome, Reception
from gateway.web.refusals import refusal
from gateway.web.room_api import PREFIX, RoomApi
from gateway.web.site import Site
from gateway.wire.relayed import Done, Relayed, Response


@dataclass(slots=True)
class _Passage:
    """One request on its way through the gate."""

    request: web.BaseRequest
    path: str
    id: str
    started: float
    seen: Seen


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
        passage = self._enter(request)
        refused = refusal(request, passage.path, passage.seen, passage.id)
        if refused:
            return self._finish(passage, said(refused))
        way = self._way(request, passage.seen, passage.id)
        if isinstance(way, Plan):
            read = request.method in READS
            if done is not None and read and self._passing.begin(request, way, partial(self._answered, passage, done)):
                return None
            way = self._passing.carry_out(request, passage.seen, way)
        return self._finish(passage, way)

    def _enter(self, request: web.BaseRequest) -> "_Passage":
        """Note that a request has come, and what it is."""
        path = origin_form(request.raw_path).partition("?")[0]
        classified = self._site.classifier.classify_request(request.method, path, request.headers)
        number = f"{self._id_prefix}{next(self._ids):08x}"
        return _Passage(request, path, number, self._site.clock(), Seen(classified=classified))

    def _answered(self, passage: "_Passage", done: Done, result: Relayed | Awaitable[Response] | None) -> None:
        """Take what has become of a request that was sent at once."""
        if result is None or isinstance(result, Relayed):
            self._leave(passage, result)
            done(result)
        else:
            done(self._finish(passage, result))

    async def _finish(self, passage: "_Passage", way: Awaitable[Response]) -> Response:
        """Wait for the answer of a request and note it."""
        seen, request_id = passage.seen, passage.id
        response: Response | None = None
        try:
            response = await way
        except VisitorFailed as failed:
            seen.decision = failed.code
            response = problem(failed.status, failed.code, failed.title, reference=request_id)
            response.force_close()
        except UpstreamFailed as failed:
            response = self._passing.failed(passage.request, seen, failed, request_id)
        finally:
            self._leave(passage, response)
        if not isinstance(response, Relayed):
            response.headers.setdefault("X-Request-Id", request_id)
        return response

    def _way(self, request: web.BaseRequest, seen: Seen, request_id: str) -> Awaitable[Response] | Plan:
        """Return what answers the request, or the plan of forwarding it if that is all there is to do."""
        site, kind = self._site, seen.classified.request_class
        room = site.rooms.get(seen.classified.room) if seen.classified.room else None
        admission = site.admission(request, room) if room else None
        most = seen.most = kind.max_body or site.settings.proxy.max_body
        if request.can_read_body and (request.content_length or 0) > most:
            seen.decision = "body_too_large"
            return said(problem(413, "body_too_large", f"At most {most} bytes are accepted.", reference=request_id))
        if self._idempotent.concerns(request):
            return self._keyed_way(request, room, admission, seen, request_id)
        return self._open_way(request, room, admission, seen, request_id)

    async def _keyed_way(
        self, request: web.BaseRequest, room: LiveRoom | None, admission: Pass | None, seen: Seen, request_id: str
    ) -> Response:
        keyed = await self._idempotent.read(request, partial(self._visit, request, room), request_id)
        if isinstance(keyed, web.Response):
            seen.decision = "repetition"
            return keyed
        seen.keyed = keyed
        way = self._open_way(request, room, admission, seen, request_id)
        return await (self._passing.carry_out(request, seen, way) if isinstance(way, Plan) else way)

    def _open_way(
        self, request: web.BaseRequest, room: LiveRoom | None, admission: Pass | None, seen: Seen, request_id: str
    ) -> Awaitable[Response] | Plan:
        express = seen.classified.request_class.express
        forward = forward_at_once(express=express, room=room.name if room else None, admission=admission)
        if forward is None:
            assert room is not None
            return self._received(request, room, seen, request_id)
        seen.decision = str(forward.reason)
        if forward.reason is not Reason.PASS:
            return self._passing.plan(request, room, admission, seen, request_id)
        return self._let_in(request, room, forward, seen, request_id)

    async def _received(self, request: web.BaseRequest, room: LiveRoom, seen: Seen, request_id: str) -> Response:
        received = await self.receive(request, room, seen, request_id)
        if not isinstance(received, Outcome):
            return received
        assert isinstance(received.decision, Forward)
        way = self._let_in(request, room, received.decision, seen, request_id, new_pass=received.new_pass)
        return await (self._passing.carry_out(request, seen, way) if isinstance(way, Plan) else way)

    async def receive(
        self, request: web.BaseRequest, room: LiveRoom, seen: Seen, request_id: str
    ) -> web.Response | Outcome:
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
            return self._entry.barred(request, room, outcome.barred, decision.ticket, request_id, region)
        return self._answers.waiting(
            request,
            room,
            decision,
            new_ticket=outcome.new_ticket,
            missed=outcome.missed,
            reference=request_id,
            region=region,
        )

    def _let_in(
        self,
        request: web.BaseRequest,
        room: LiveRoom | None,
        forward: Forward,
        seen: Seen,
        request_id: str,
        *,
        new_pass: bool = False,
    ) -> Awaitable[Response] | Plan:
        """Return the plan of forwarding, unless too much is under way with one pass."""
        admission = forward.admission
        if room is not None and admission is not None:
            visit = f"{room.name}|{admission.visit}"
            if not self._load.begin(visit, self._site.settings.rooms[room.name].pass_concurrency):
                seen.decision, seen.visit, seen.lane = "pass_busy", admission.visit, admission.lane
                busy = "Too many requests with one pass are open."
                return said(problem(429, "pass_busy", busy, 1, reference=request_id))
            seen.open_visit = visit
        return self._passing.plan(request, room, admission, seen, request_id, new_pass=new_pass)

    def _visit(self, request: web.BaseRequest, room: LiveRoom | None) -> str:
        """The visit that the request's pass proves, even if that has ended meanwhile."""
        admission = self._site.tokens.admission(request, room.name, self._site.store_now(room)) if room else None
        return admission.visit if admission else ""

    def _leave(self, passage: "_Passage", response: Response | None) -> None:
        """Count a request out, and write its line."""
        site, request, seen = self._site, passage.request, passage.seen
        if seen.open_visit:
            self._load.end(seen.open_visit)
        elapsed = site.clock() - passage.started
        room, name = seen.classified.room or "", seen.classified.request_class.name
        site.metrics.requests.note(room, name, seen.decision)
        site.metrics.duration.note(elapsed, seen.decision)
        if not site.access_log.on:
            return
        line = site.access_log.begin()
        line["method"], line["path"], line["class"] = request.method, passage.path, name
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
        line["ms"] = round(elapsed * 1000, 1)
        line["id"] = passage.id
        site.access_log.write(line)


READS = frozenset({"GET", "HEAD"})


def _is_own(request: web.BaseRequest) -> bool:
    """Whether a request is for the gateway itself; most are told apart without being decoded."""
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

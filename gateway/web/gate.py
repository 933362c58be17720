"""The gate: every visitor's request comes here and leaves as one answer, one log line and one count."""

import secrets
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from multidict import CIMultiDict

from gateway.core.classify import Classified, is_ambiguous, origin_form
from gateway.core.decide import Forward, Reason
from gateway.core.live_room import LiveRoom
from gateway.core.need import Need
from gateway.core.pass_load import PassLoad
from gateway.core.passes import Pass
from gateway.errors import UpstreamFailed
from gateway.web.answers import Answers, keep_out_of_caches, problem
from gateway.web.cookies import cookie_values
from gateway.web.door import Door
from gateway.web.entry_answers import EntryAnswers
from gateway.web.idempotent import Idempotent, Keyed
from gateway.web.moments import SLOTS_HEADER, read_slots
from gateway.web.reception import Outcome, Reception
from gateway.web.room_api import PREFIX, RoomApi
from gateway.web.shared_answers import SharedAnswers
from gateway.web.site import Site

_FAILURES = {
    "connect": (502, "upstream_unreachable", "The clinics' system cannot be reached."),
    "read": (502, "upstream_broken", "The clinics' system broke its answer off."),
    "timeout": (504, "upstream_timeout", "The clinics' system did not answer in time."),
    "overloaded": (503, "upstream_overloaded", "The clinics' system is busy; ask again after the time given."),
}


@dataclass(slots=True)
class _Seen:
    """What is learned of one request on its way, for the log line."""

    classified: Classified
    decision: str = "error"
    visit: str | None = None
    lane: str | None = None
    pool: str | None = None
    person: str | None = None
    region: str | None = None
    keyed: Keyed | None = None


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
        self._shared = SharedAnswers(site)
        self._api = RoomApi(site, self._answers, self._reception, self._door)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if request.path.startswith(PREFIX):
            return await self._api.handle(request)
        started = self._site.clock()
        request_id = secrets.token_hex(8)
        path = origin_form(request.raw_path).partition("?")[0]
        classified = self._site.classifier.classify_request(request.method, path, request.headers)
        seen = _Seen(classified=classified)
        response: web.StreamResponse | None = None
        try:
            response = _refusal(request, path, seen, request_id)
            if response is None:
                response = await self._answer(request, seen, request_id)
        finally:
            self._note(request, seen, path, request_id, response, started)
        if not response.prepared:
            response.headers.setdefault("X-Request-Id", request_id)
        return response

    async def _answer(self, request: web.BaseRequest, seen: _Seen, request_id: str) -> web.StreamResponse:
        site = self._site
        room = site.rooms.get(seen.classified.room or "")
        admission = site.admission(request, room) if room else None
        most = site.settings.proxy.max_body
        if request.content_length is not None and request.content_length > most:
            seen.decision = "body_too_large"
            return problem(413, "body_too_large", f"At most {most} bytes are accepted.", reference=request_id)
        keyed = await self._idempotent.read(request, partial(self._visit, request, room), request_id)
        if isinstance(keyed, web.Response):
            seen.decision = "repetition"
            return keyed
        seen.keyed = keyed
        held = site.tokens.ticket(request, room.name) if room and admission is None else None
        newcomer = None
        if room is not None and admission is None:
            newcomer = site.newcomer(request, room, request_class=seen.classified.request_class.name)
        outcome = await self._reception.receive(
            room,
            express=seen.classified.request_class.express,
            newcomer=newcomer,
            held=held,
            admission=admission,
            observe=bool(room and admission is None and site.observes(request, room)),
            keeper=self._door.keeper(room, request, newcomer) if room and newcomer else None,
        )
        decision = outcome.decision
        seen.decision = decision.reason.value
        express = seen.classified.request_class.express
        if newcomer is not None and not express and (outcome.new_ticket or outcome.new_pass or held is None):
            seen.person = site.somebody(request)
            seen.region = newcomer.home() if outcome.new_ticket or outcome.new_pass else None
        if isinstance(decision, Forward):
            admission = admission or decision.admission
            if room is None or admission is None or decision.reason is Reason.EXPRESS:
                return await self._forward(request, room, outcome, admission, seen, request_id)
            most_open = site.settings.rooms[room.name].pass_concurrency
            with self._load.one_more(f"{room.name}|{admission.visit}", most_open) as may:
                if may:
                    return await self._forward(request, room, outcome, admission, seen, request_id)
            seen.decision, seen.visit, seen.lane = "pass_busy", admission.visit, admission.lane
            return problem(429, "pass_busy", "Too many requests with one pass are open.", 1, reference=request_id)
        assert room is not None
        if decision.ticket is not None:
            seen.visit, seen.lane = decision.ticket.visit, decision.ticket.lane
        # Who a visitor is costs a signature; it is looked up only where a page differs by it.
        region = newcomer.region() if newcomer and site.settings.rooms[room.name].alternatives_by_region else ""
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

    async def _forward(
        self,
        request: web.BaseRequest,
        room: LiveRoom | None,
        outcome: Outcome,
        admission: Pass | None,
        seen: _Seen,
        request_id: str,
    ) -> web.StreamResponse:
        site, now = self._site, self._site.clock()
        pool = seen.pool = self._pool(room, admission)
        if room is not None and admission is not None:
            seen.visit, seen.lane = admission.visit, admission.lane
            room.ledger.note_request(admission.visit, pool, now, seen.classified.request_class.cost)

        def prepare(fields: "CIMultiDict[str]", ended: bool) -> None:
            fields["X-Request-Id"] = request_id
            # For the gateway alone: what the backend says of free slots rules the room, and goes no further.
            for said in fields.popall(SLOTS_HEADER, []):
                if room is not None:
                    room.supply.note(read_slots(said, site.settings.time_zone, site.store_now(room)))
            if room is not None and admission is not None:
                cookies = self._pass_cookies(room, admission, outcome, ended=ended)
                if cookies:
                    keep_out_of_caches(fields)
                for cookie in cookies:
                    fields.add("Set-Cookie", cookie)

        kind, send = seen.classified.request_class, site.upstream.send
        ask = partial(send, request, pool, request_id=request_id, need=self._need(request, seen, admission))
        try:
            if (policy := self._shared.policy(request, kind)) is not None:
                return await self._shared.answer(request, kind, policy, prepare, partial(ask, shared=True))
            if seen.keyed is not None:
                carry = partial(ask, prepare=prepare)
                response = await self._idempotent.carry_out(seen.keyed, request_id, lambda body: carry(body=body))
            else:
                response = await ask(prepare=prepare)
        except UpstreamFailed as error:
            status, code, title = _FAILURES[error.kind]
            seen.decision = code
            retry_after = 2 if status == 503 else None
            response = self._answers.failure(
                request, room.name if room else "", status, code, title, request_id, retry_after
            )
            prepare(response.headers, False)
            return response
        self._shared.purge(kind, request, response)
        return response

    def _need(self, request: web.BaseRequest, seen: _Seen, admission: Pass | None) -> Need:
        """Return the request's turn and size; only who was let in, or frees capacity, is never refused at the door."""
        kind, pool = seen.classified.request_class, self._site.settings.pools[seen.pool or ""]
        session = request.headers.get(pool.session_header, "") if pool.session_header else ""
        if not session and pool.session_cookie:
            session = next(iter(cookie_values(request.headers.get("Cookie", ""), pool.session_cookie)), "")
        return Need(
            priority=kind.priority,
            cost=kind.cost,
            sheddable=admission is None and not kind.express,
            session=session.encode(errors="replace"),
        )

    def _visit(self, request: web.BaseRequest, room: LiveRoom | None) -> str:
        """The visit that the request's pass proves, even if that has ended meanwhile."""
        admission = self._site.tokens.admission(request, room.name, self._site.store_now(room)) if room else None
        return admission.visit if admission else ""

    def _pass_cookies(self, room: LiveRoom, admission: Pass, outcome: Outcome, *, ended: bool) -> list[str]:
        site, now = self._site, self._site.store_now(room)
        if ended:
            room.ledger.end(admission.visit, site.clock())
            room.endings.end(admission.visit, now, now + site.settings.rooms[room.name].pass_idle)
        if ended or room.endings.has(admission.visit, now):
            return [site.tokens.ended_cookie()]
        if outcome.new_pass:
            return list(site.tokens.pass_cookies(admission, now))
        renewed = admission.renewed(now, site.settings.rooms[room.name].pass_idle)
        return [site.tokens.pass_cookies(renewed, now)[0]] if renewed else []

    def _pool(self, room: LiveRoom | None, admission: Pass | None) -> str:
        if room is not None:
            reading = room.totals.pools.get(admission.pool) if admission else None
            if admission is not None and admission.pool in self._site.settings.pools:
                if reading is None or reading.healthy:
                    return admission.pool
                return room.pick_pool()
            if any(room.totals.pools.values()):
                return room.pick_pool()
        return next(name for name, pool in self._site.settings.pools.items() if pool.role == "primary")

    def _note(
        self,
        request: web.BaseRequest,
        seen: _Seen,
        path: str,
        request_id: str,
        response: web.StreamResponse | None,
        started: float,
    ) -> None:
        site, elapsed = self._site, self._site.clock() - started
        room, name = seen.classified.room or "", seen.classified.request_class.name
        site.metrics.requests.labels(room, name, seen.decision).inc()
        site.metrics.duration.labels(seen.decision).observe(elapsed)
        site.access_log.write(
            method=request.method,
            path=path,
            status=response.status if response is not None else None,
            **{"class": name},
            room=room or None,
            lane=seen.lane,
            decision="wait" if seen.decision in _WAITS else seen.decision,
            reason=seen.decision,
            visit=seen.visit,
            pool=seen.pool,
            person=seen.person,
            region=seen.region or None,
            ms=round(elapsed * 1000, 1),
            id=request_id,
        )


def _refusal(request: web.BaseRequest, path: str, seen: _Seen, request_id: str) -> web.Response | None:
    """Return the answer to what no visitor of a site asks: a tunnel, or a path that servers read differently."""
    if request.method == "CONNECT":
        seen.decision = "method_not_allowed"
        response = problem(405, seen.decision, "This is not a proxy for other sites.", reference=request_id)
        response.headers["Allow"] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        return response
    if is_ambiguous(path):
        seen.decision = "bad_path"
        return problem(400, seen.decision, "The path holds control characters.", reference=request_id)
    return None


_WAITS = frozenset(
    {
        *(Reason.QUEUE, Reason.PREQUEUE, Reason.FULL, Reason.PAUSED, Reason.CLOSED, Reason.EXHAUSTED),
        *(Reason.STORE_DOWN, Reason.ENTRY, Reason.LIMITED),
    }
)

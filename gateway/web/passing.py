"""What is let through: its way to the pools, and what the answer brings the visitor and the room."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from aiohttp import web

from gateway.core.classify import Classified
from gateway.core.live_room import LiveRoom
from gateway.core.need import Need
from gateway.core.passes import Pass
from gateway.errors import UpstreamFailed
from gateway.web.answers import Answers
from gateway.web.cookies import add_cookies, cookie_values
from gateway.web.idempotent import Idempotent, Keyed
from gateway.web.moments import SLOTS_HEADER, VISIT_HEADER, read_slots
from gateway.web.shared_answers import SAFE, SharedAnswers
from gateway.web.site import Site
from gateway.wire.relayed import Response

_FAILURES = {
    "connect": (502, "upstream_unreachable", "The clinics' system cannot be reached."),
    "read": (502, "upstream_broken", "The clinics' system broke its answer off."),
    "timeout": (504, "upstream_timeout", "The clinics' system did not answer in time."),
    "overloaded": (503, "upstream_overloaded", "The clinics' system is busy; ask again after the time given."),
}


@dataclass(slots=True)
class Seen:
    """What is learned of one request on its way, for the log line."""

    classified: Classified
    decision: str = "error"
    visit: str | None = None
    lane: str | None = None
    pool: str | None = None
    person: str | None = None
    region: str | None = None
    keyed: Keyed | None = None
    most: int = 0
    """Bytes of a body that are accepted."""


class Passing:
    """Sends what has been let in to a pool."""

    def __init__(self, site: Site, answers: Answers, idempotent: Idempotent) -> None:
        self._site = site
        self._answers = answers
        self._idempotent = idempotent
        self._shared = SharedAnswers(site)

    async def forward(
        self,
        request: web.BaseRequest,
        room: LiveRoom | None,
        admission: Pass | None,
        seen: Seen,
        request_id: str,
        *,
        new_pass: bool = False,
    ) -> Response:
        """Answer with what a pool says; `new_pass`: the visit has just been let in with `admission`."""
        site, now = self._site, self._site.clock()
        pool = seen.pool = self._pool(room, admission)
        if room is not None and admission is not None:
            seen.visit, seen.lane = admission.visit, admission.lane
            room.ledger.note_request(admission.visit, pool, now, seen.classified.request_class.cost)

        def prepare(said: Sequence[tuple[str, str]]) -> list[str]:
            if room is None:
                return []
            ended = False
            for name, value in said:
                if name == SLOTS_HEADER:
                    room.supply.note(read_slots(value, site.settings.time_zone, site.store_now(room)))
                elif name == VISIT_HEADER:
                    ended = ended or value.lower() == "end"
            return self._pass_cookies(room, admission, new_pass=new_pass, ended=ended) if admission is not None else []

        kind, send = seen.classified.request_class, site.upstream.send
        need = self._need(request, seen, admission)
        try:
            if (policy := self._shared.policy(request, kind)) is not None:
                ask = partial(send, request, pool, request_id=request_id, need=need, most=seen.most, shared=True)
                return await self._shared.answer(request, kind, policy, prepare, ask)
            if seen.keyed is not None:
                carry = partial(send, request, pool, request_id=request_id, need=need, most=seen.most, prepare=prepare)
                response = await self._idempotent.carry_out(seen.keyed, request_id, lambda body: carry(body=body))
            else:
                response = await send(request, pool, request_id=request_id, need=need, most=seen.most, prepare=prepare)
        except UpstreamFailed as error:
            status, code, title = _FAILURES[error.kind]
            seen.decision = code
            retry_after = 2 if status == 503 else None
            response = self._answers.failure(
                request, room.name if room else "", status, code, title, request_id, retry_after
            )
            add_cookies(response.headers, prepare(()))
            return response
        if request.method not in SAFE:
            self._shared.purge(kind, request, response)
        return response

    def _need(self, request: web.BaseRequest, seen: Seen, admission: Pass | None) -> Need:
        """Return the request's turn and size; only who was let in, or frees capacity, is never refused at the door."""
        kind, pool = seen.classified.request_class, self._site.settings.pools[seen.pool or ""]
        session = request.headers.get(pool.session_header, "") if pool.session_header else ""
        if not session and pool.session_cookie:
            session = next(iter(cookie_values(request.headers.get("Cookie", ""), pool.session_cookie)), "")
        sheddable = admission is None and not kind.express
        return _need_of(kind.priority, kind.cost, sheddable, session.encode(errors="replace") if session else b"")

    def _pass_cookies(self, room: LiveRoom, admission: Pass, *, new_pass: bool, ended: bool) -> list[str]:
        site, now = self._site, self._site.store_now(room)
        if ended:
            room.ledger.end(admission.visit, site.clock())
            room.endings.end(admission.visit, now, now + site.settings.rooms[room.name].pass_idle)
        if ended or room.endings.has(admission.visit, now):
            return [site.tokens.ended_cookie()]
        if new_pass:
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
        return self._site.settings.primary


@lru_cache(maxsize=1024)
def _need_of(priority: int, cost: float, sheddable: bool, session: bytes) -> Need:
    return Need(priority=priority, cost=cost, sheddable=sheddable, session=session)

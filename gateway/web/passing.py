"""What is let through: its way to the pools, and what the answer brings the visitor and the room."""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial

from aiohttp import web

from gateway.core.classify import Classified
from gateway.core.live_room import LiveRoom
from gateway.core.need import Need
from gateway.core.passes import Pass
from gateway.core.response_cache import CachePolicy
from gateway.errors import UpstreamFailed
from gateway.ports import Prepare
from gateway.web.answers import Answers
from gateway.web.cookies import add_cookies, cookie_values
from gateway.web.idempotent import Idempotent, Keyed
from gateway.web.moments import SLOTS_HEADER, VISIT_HEADER, read_slots
from gateway.web.shared_answers import SAFE, SharedAnswers
from gateway.web.site import Site
from gateway.wire.relayed import Done, Response

_FAILURES = {
    "connect": (502, "upstream_unreachable", "The clinics' system cannot be reached."),
    "read": (502, "upstream_broken", "The clinics' system broke its answer off."),
    "timeout": (504, "upstream_timeout", "The clinics' system did not answer in time."),
    "overloaded": (503, "upstream_overloaded", "The clinics' system is busy; ask again after the time given."),
}


ORDINARY = Need()


class Seen:
    """What is learned of one request on its way: how it is forwarded, and what its log line says.

    `id` is what the request is known by in logs and answers, `started` the steady clock's time.
    """

    decision: str = "error"
    visit: str | None = None
    lane: str | None = None
    pool: str | None = None
    person: str | None = None
    region: str | None = None
    keyed: Keyed | None = None
    most: int = 0
    """Bytes of a body that are accepted."""
    open_visit: str = ""
    """The visit whose open requests it counts among."""
    prepare: Prepare | None = None
    """What gives the cookies for its answer, once that is known."""
    need: Need = ORDINARY
    policy: CachePolicy | None = None
    """How its answer may be shared."""

    def __init__(self, classified: Classified, id: str, started: float = 0.0) -> None:
        self.classified = classified
        self.id = id
        self.started = started


class Passing:
    """Sends what has been let in to a pool."""

    def __init__(self, site: Site, answers: Answers, idempotent: Idempotent) -> None:
        self._site = site
        self._answers = answers
        self._idempotent = idempotent
        self._shared = SharedAnswers(site)

    def plan(
        self,
        request: web.BaseRequest,
        room: LiveRoom | None,
        admission: Pass | None,
        seen: Seen,
        *,
        new_pass: bool = False,
    ) -> None:
        """Note how the request is forwarded; `new_pass`: the visit has just been let in with `admission`."""
        pool = seen.pool = self._pool(room, admission)
        if room is None:
            seen.prepare = _nothing
        else:
            if admission is not None:
                seen.visit, seen.lane = admission.visit, admission.lane
                room.ledger.note_request(admission.visit, pool, seen.started, seen.classified.request_class.cost)
            seen.prepare = partial(self._hear, room, admission, new_pass)
        seen.need = self._need(request, seen, admission)
        seen.policy = self._shared.policy(request, seen.classified.request_class)

    def _hear(
        self, room: LiveRoom, admission: Pass | None, new_pass: bool, told: Sequence[tuple[str, str]]
    ) -> list[str]:
        """Take what an answer tells the gateway, and return the cookies for it."""
        ended = False
        for name, value in told:
            if name == SLOTS_HEADER:
                site = self._site
                room.supply.note(read_slots(value, site.settings.time_zone, site.store_now(room)))
            elif name == VISIT_HEADER:
                ended = ended or value.lower() == "end"
        return self._pass_cookies(room, admission, new_pass=new_pass, ended=ended) if admission is not None else []

    def begin(self, request: web.BaseRequest, seen: Seen, done: Done) -> bool:
        """Send a read at once, as planned, if nothing has to be waited for; else False, and nothing has been done."""
        if seen.policy is not None:
            return False
        assert seen.pool is not None
        assert seen.prepare is not None
        return self._site.upstream.send_at_once(
            request, seen.pool, request_id=seen.id, prepare=seen.prepare, most=seen.most, need=seen.need, done=done
        )

    def carry_out(self, request: web.BaseRequest, seen: Seen) -> Awaitable[Response]:
        """Return the answer of a pool, to be awaited; raises UpstreamFailed, for `failed`, and VisitorFailed."""
        assert seen.pool is not None
        assert seen.prepare is not None
        ask = partial(self._site.upstream.send, request, seen.pool, request_id=seen.id, most=seen.most, need=seen.need)
        if seen.policy is not None:
            kind = seen.classified.request_class
            return self._shared.answer(request, kind, seen.policy, seen.prepare, partial(ask, shared=True))
        ask = partial(ask, prepare=seen.prepare)
        return ask() if request.method in SAFE else self._write(request, seen, ask)

    async def _write(self, request: web.BaseRequest, seen: Seen, ask: Callable[..., Awaitable[Response]]) -> Response:
        """Send what changes something, once if it has a key; copies that it has made wrong are ended."""
        if seen.keyed is not None:
            response = await self._idempotent.carry_out(seen.keyed, seen.id, lambda body: ask(body=body))
        else:
            response = await ask()
        self._shared.purge(seen.classified.request_class, request, response)
        return response

    def failed(self, request: web.BaseRequest, seen: Seen, error: UpstreamFailed) -> web.Response:
        """Return the answer for a backend that gave none."""
        status, code, title = _FAILURES[error.kind]
        seen.decision = code
        retry_after = 2 if status == 503 else None
        room = seen.classified.room or ""
        response = self._answers.failure(request, room, status, code, title, seen.id, retry_after)
        if seen.prepare is not None:
            add_cookies(response.headers, seen.prepare(()))
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


def _nothing(told: Sequence[tuple[str, str]]) -> list[str]:
    """Hear nothing, and give no cookies: there is no room."""
    return []


async def said(response: web.Response) -> web.Response:
    """Return an answer where one is awaited."""
    return response


@lru_cache(maxsize=1024)
def _need_of(priority: int, cost: float, sheddable: bool, session: bytes) -> Need:
    return Need(priority=priority, cost=cost, sheddable=sheddable, session=session)

"""What every part of the web layer works with: rooms, tokens, pages, clocks; built once in `app.py`."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.core.address import origin_of
from gateway.core.classify import Classifier
from gateway.core.live_room import LiveRoom
from gateway.core.passes import Pass
from gateway.core.rollout import is_enforced
from gateway.ports import AnswerStore, RoomStore, Upstream
from gateway.settings import Settings
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.web.identities import Identities
from gateway.web.newcomers import Newcomer, count_into
from gateway.web.pages.render import Pages
from gateway.web.tokens import Tokens


@dataclass(slots=True, kw_only=True)
class Site:
    """The parts; `clock` is steady, `wall` is seconds since the epoch, `chance` uniform in [0, 1).

    A reload exchanges `settings` and `classifier`: read them at each use, keep no copy.
    """

    settings: Settings
    rooms: Mapping[str, LiveRoom]
    store: RoomStore
    answers: AnswerStore
    upstream: Upstream
    classifier: Classifier
    tokens: Tokens
    identities: Identities
    pages: Pages
    metrics: Metrics
    access_log: AccessLog
    clock: Callable[[], float]
    wall: Callable[[], float]
    chance: Callable[[], float]

    def admission(self, request: web.BaseRequest, room: LiveRoom) -> Pass | None:
        """The request's pass if it opens the room now: signed, in time, and of a visit that has not been ended."""
        now = self.store_now(room)
        admission = self.tokens.admission(request, room.name, now)
        return None if admission is not None and room.endings.has(admission.visit, now) else admission

    def newcomer(
        self, request: web.BaseRequest, room: LiveRoom, *, request_class: str = "", lane: str = ""
    ) -> Newcomer:
        """Who sends the request, for the case that a new place is wanted; `lane` is theirs if nothing gives another."""
        return Newcomer(
            room=room.name,
            fields=request.headers,
            remote=request.remote or "",
            settings=self.settings,
            identities=self.identities,
            keys=self.tokens.keys,
            now=self.store_now(room),
            request_class=request_class,
            lane=lane,
            note=count_into(self.metrics),
        )

    def observes(self, request: web.BaseRequest, room: LiveRoom) -> bool:
        """Whether the room lets this visitor through and only notes it: by its mode, by command, or by the rollout.

        Who has a place keeps it.
        """
        rules = self.settings.rooms[room.name]
        if rules.mode == "observe" or room.observed:
            return True
        if rules.enforce_percent >= 100 or self.tokens.ticket(request, room.name) is not None:
            return False
        mark = self.newcomer(request, room).person() or self.origin(request)
        return not is_enforced(room.name, mark, rules.enforce_percent)

    def origin(self, request: web.BaseRequest) -> bytes:
        """The address or network that stands for who sends the request, as far as proxies are trusted."""
        forwarded = request.headers.getall("X-Forwarded-For", ())
        return origin_of(request.remote or "", forwarded, self.settings.proxy.trusted_proxies).narrow

    def somebody(self, request: web.BaseRequest) -> str:
        """Who sends the request, for the access log: a keyed hash of origin and browser that is another one each day.

        It tells the same person turned away twice from two people, at any gateway with these keys, and nothing else.
        """
        keys = self.tokens.keys
        secret = keys.derive(keys.signing_id, "somebody") or b""
        agent = request.headers.get("User-Agent", "")[:500].encode("utf-8", "replace")
        day = f"{self.wall() // 86400:.0f}\0".encode()
        return hmac.digest(secret, day + self.origin(request) + b"\0" + agent, "sha256")[:6].hex()

    def store_now(self, room: LiveRoom) -> float:
        """The store's clock as last read; before the first reading and for passes the wall clock does."""
        return room.view.now if room.view is not None and room.store_up else self.wall()

"""The admin address: health, metrics, dashboard, and the API that operators and `talon status` use.

Never on the visitors' address. Every change carries author, reason and an end, and is written to the audit file.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

import orjson
from aiohttp import web

from gateway.core.control import MAX_TTL, Control, ControlInvalid
from gateway.core.live_room import LiveRoom
from gateway.core.units import parse_duration
from gateway.errors import StoreUnavailable
from gateway.ports import Measured
from gateway.web.answers import html, problem
from gateway.web.audit import Audit
from gateway.web.moments import read_moment
from gateway.web.pool_admin import PoolAdmin
from gateway.web.room_api import paused_by, room_status
from gateway.web.site import Site

MAX_BODY = 10_000


class AdminApi:
    """Answers the admin address."""

    def __init__(self, site: Site, pools: Mapping[str, Measured], audit: Path) -> None:
        self._site = site
        self._pools = pools
        self._audit = Audit(audit, site.wall)
        self._pool_admin = PoolAdmin(site, pools, self._audit)
        self.draining = False

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(
            [
                web.get("/", self._home),
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/dashboard", self._dashboard),
                web.get("/api/rooms", self._rooms),
                web.post("/api/rooms/{name}", self._control),
                web.get("/api/pools", self._list_pools),
                web.post("/api/pools/{name}", self._pool_admin.change),
                web.get("/api/forecast", self._forecast),
            ]
        )
        return app

    async def _home(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/dashboard")

    async def _livez(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"alive": True})

    async def _readyz(self, request: web.Request) -> web.StreamResponse:
        store_up = all(room.store_up for room in self._site.rooms.values())
        healthy = {name: pool.reading().healthy for name, pool in self._pools.items()}
        ready = store_up and any(healthy.values()) and not self.draining
        body = {"ready": ready, "store_up": store_up, "pools": healthy, "draining": self.draining}
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._site.metrics.render(), headers=headers)

    async def _dashboard(self, request: web.Request) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(16)
        return html(200, self._site.pages.dashboard(nonce), nonce)

    async def _rooms(self, request: web.Request) -> web.StreamResponse:
        return _json({"rooms": [describe_room(room) for room in self._site.rooms.values()]})

    async def _list_pools(self, request: web.Request) -> web.StreamResponse:
        return _json({"pools": [self._describe_pool(name) for name in self._pools]})

    def _describe_pool(self, name: str) -> dict[str, object]:
        rooms = self._site.rooms.values()
        share = max((room.open_share(name) for room in rooms), default=1.0)
        opened = [room.spillovers[name] for room in rooms if name in room.spillovers]
        state = "open" if share >= 1 else "warming" if share > 0 else "closed"
        reason = next((spill.reason.value for spill in opened if spill.opened_at is not None), "")
        return {
            "name": name,
            "role": self._site.settings.pools[name].role,
            "state": state,
            "share": round(share, 3),
            "reason": reason,
            "inside": sum(room.totals.pools[name].inside for room in rooms if name in room.totals.pools),
            "window": round(sum(room.admissions[name].window for room in rooms), 1),
            "nodes": self._pools[name].describe(),
        }

    async def _forecast(self, request: web.Request) -> web.StreamResponse:
        return _json(
            {"forecasts": [describe_forecast(room, self._site.store_now(room)) for room in self._site.rooms.values()]}
        )

    async def _control(self, request: web.Request) -> web.StreamResponse:
        room = self._site.rooms.get(request.match_info["name"])
        if room is None:
            return problem(404, "no_such_room", f"There is no room {request.match_info['name']!r}.")
        try:
            zone = self._site.settings.time_zone
            control = read_control(await request.read(), self._site.store_now(room), zone)
        except ControlInvalid as error:
            return problem(422, "invalid", str(error))
        try:
            await self._site.store.set_control(room.name, control.to_bytes())
        except StoreUnavailable as error:
            return problem(503, "store_down", f"The change was not stored: {error}", 3)
        stored = orjson.loads(control.to_bytes())
        self._audit.note("room_controlled", room=room.name, **stored)
        return _json({"room": room.name, "control": stored})


def read_control(raw: bytes, now: float, zone: str = "UTC") -> Control:
    """Read `{"action", "rate", "author", "reason", "ttl", "until"}`; raises ControlInvalid that says what was expected.

    `until` is when visitors are told that booking goes on; without a ttl the setting ends then.
    """
    try:
        body = orjson.loads(raw)
        back_at = read_moment(str(body["until"]), zone, now) if body.get("until") else 0.0
        ttl = parse_duration(body.get("ttl", "1h")) if "ttl" in body or not back_at else back_at - now
        control = Control(
            action=str(body.get("action", "")),
            rate=float(body.get("rate", 0.0)),
            author=str(body.get("author", "")),
            reason=str(body.get("reason", "")),
            until=now + ttl,
            back_at=back_at,
        )
    except ControlInvalid:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise ControlInvalid(
            f"expected JSON with action, author, reason, ttl, until and, for rate, rate: {error}"
        ) from error
    if not (control.author.strip() and control.reason.strip()):
        raise ControlInvalid("author and reason: expected both, also to resume")
    if not 0 < ttl <= MAX_TTL:
        raise ControlInvalid("ttl: expected above 0s and at most 1d, or until within a day")
    if back_at and (back_at <= now or control.action in ("rate", "resume")):
        raise ControlInvalid("until: expected a time to come, for pause, close or exhausted")
    return control


def describe_room(room: LiveRoom) -> dict[str, object]:
    """Return a room as the dashboard and `talon status` show it."""
    view, status = room.view, room_status(room)
    lanes = view.lanes if view else {}
    now = view.now if view else 0.0
    etas = {}
    for name, lane in lanes.items():
        wait = room.newcomer_wait(name)
        etas[name] = [wait.low, wait.high] if wait and lane.waiting else None
    return {
        "name": room.name,
        "state": status.state.value,
        "epoch": view.epoch if view else "",
        "waiting": {name: room.present(name) for name in lanes},
        "issued": {name: lane.issued for name, lane in lanes.items()},
        "serving": {name: lane.serving for name, lane in lanes.items()},
        "calls": sum(lane.calls for lane in lanes.values()),
        "claims": sum(lane.claims for lane in lanes.values()),
        "called": sum(lane.called for lane in lanes.values()),
        "no_shows": sum(lane.no_shows for lane in lanes.values()),
        "leavers": sum(lane.leavers for lane in lanes.values()),
        "inside": round(sum(reading.inside for reading in room.totals.pools.values())),
        "admission_rate": round(room.rate, 3),
        "reason": room.reason.value,
        "inflow": round(room.inflow.rate or 0.0, 3),
        "outflow": round(room.claimed.rate or 0.0, 3),
        "no_show_share": round(room.no_show.share, 3),
        "visit_seconds": round(room.totals.duration, 2),
        "requests_per_visit": round(room.totals.requests, 2),
        "eta": etas,
        "leader": bool(view and view.leader),
        "paused_by": paused_by(room.control, now),
    }


def describe_forecast(room: LiveRoom, now: float) -> dict[str, object]:
    """Return the forecast record of a room with what it says of now and of the hours around."""
    record = room.record
    if record is None:
        return {"room": room.name, "state": "absent", "reason": "nothing has been published", "series": [], "now": None}
    step = record.step_at(now)
    state = "stale" if now >= record.expires_at else record.state
    around = [s for s in record.steps if abs(s.at - now) <= 288 * record.step_seconds][:1000]
    return {
        "room": room.name,
        "state": state,
        "reason": record.reason,
        "model": record.model,
        "version": record.version,
        "made_at": record.made_at,
        "expires_at": record.expires_at,
        "age_seconds": round(max(0.0, now - record.made_at), 1),
        "now": None
        if step is None
        else {
            "q10": step.q10,
            "q50": step.q50,
            "q90": step.q90,
            "q95": step.q95,
            "admission_rate": step.admission_rate,
            "pool_share": dict(step.pool_share),
        },
        "series": [{"at": s.at, "q10": s.q10, "q50": s.q50, "q90": s.q90} for s in around],
        "capacity": dict(record.capacity),
    }


def _json(body: dict[str, object]) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"})

"""A portal in one process: the real gate and admin API on loopback, rooms in memory, a backend that only says hello.

Time stands still until a test lets it pass: `tick` moves the store's and the gateway's clock and turns the loops.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from gateway.build import classifier, identities, room_options
from gateway.core.connection_policy import ConnectionPolicy
from gateway.core.identity_policy import IdentityPolicy
from gateway.core.keyring import KeyRing
from gateway.core.known_openings import Opening
from gateway.core.lanes import LanePolicy
from gateway.core.live_room import LiveRoom, RoomPolicy
from gateway.core.need import Need
from gateway.core.reports import PoolReading
from gateway.core.visits import VisitPolicy
from gateway.errors import StoreUnavailable, UpstreamFailed
from gateway.loops.admit import AdmissionLoop
from gateway.ports import Prepare
from gateway.sections import PoolSettings, ProxySettings, RoomSettings
from gateway.settings import Settings
from gateway.store.answers import MemoryAnswers
from gateway.store.memory_room import MemoryRooms
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.web.admin_api import AdminApi
from gateway.web.cookies import add_cookies
from gateway.web.gate import Gate
from gateway.web.pages.render import Pages
from gateway.web.site import Site
from gateway.web.tokens import Tokens
from gateway.wire.server import VisitorServer

ROOM = "booking"
KEYS = KeyRing({"k1": bytes(32)})
SEED = bytes(range(32))
ROOM_RULES: dict[str, Any] = {
    "paths": ("/booking",),
    "lanes": {"urgent": LanePolicy(target_wait=60), "regular": LanePolicy(target_wait=600)},
    "lane_header": "X-Lane",
    "visits": VisitPolicy(duration=10, requests=4),
    "pass_idle": 600.0,
    "pass_cap": 3600.0,
}


@dataclass
class Hello:
    """The port Upstream: answers with pool, target and what it `says`, or raises `fails`; `/end` ends a visit."""

    fails: str = ""
    says: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    needs: list[Need | None] = field(default_factory=list)

    async def send(
        self,
        request: web.BaseRequest,
        pool_name: str,
        *,
        request_id: str,
        prepare: Prepare,
        most: int = 0,
        need: Need | None = None,
        body: bytes | None = None,
        shared: bool = False,
    ) -> web.StreamResponse:
        self.asked.append((pool_name, request.raw_path))
        self.needs.append(need)
        if self.fails:
            raise UpstreamFailed(self.fails, "no luck")
        fields: CIMultiDict[str] = CIMultiDict({"X-Pool": pool_name})
        said = [(name.lower(), value) for name, value in self.says.items() if name.lower().startswith("talon-")]
        fields.extend({name: value for name, value in self.says.items() if not name.lower().startswith("talon-")})
        add_cookies(fields, prepare([*said, *([("talon-visit", "end")] if request.path.endswith("/end") else [])]))
        return web.Response(text=f"hello from {pool_name}", headers=fields)


class Rooms(MemoryRooms):
    """Rooms in memory that can be gone."""

    gone = False

    def __getattribute__(self, name: str) -> Any:
        if (
            name
            in ("view", "join", "claim", "leave", "standing", "touch", "call", "sweep", "set_control", "change_node")
            and self.gone
        ):

            async def refuse(*args: object, **named: object) -> None:
                raise StoreUnavailable(f"{name}: gone")

            return refuse
        return super().__getattribute__(name)


@dataclass
class Portal:
    """Everything a test needs: addresses, the room, the fakes, and `tick`."""

    folder: Path
    settings: Settings
    now: float = 1_000_000.0
    readings: dict[str, PoolReading] = field(default_factory=dict)
    upstream: Hello = field(default_factory=Hello)
    visitors: str = ""
    operators: str = ""
    opening: Opening | None = None
    store: Rooms = field(init=False)
    site: Site = field(init=False)
    admin: AdminApi = field(init=False)
    loop: AdmissionLoop = field(init=False)

    def __post_init__(self) -> None:
        rules = self.settings.rooms[ROOM]
        self.store = Rooms({ROOM: room_options(rules)}, lambda: self.now)
        self.readings = {name: PoolReading(limit=10) for name in self.settings.pools}
        policy = RoomPolicy(
            lanes=rules.lanes,
            admission=rules.admission,
            visits=rules.visits,
            pools={n: p.spillover() if p.role == "backup" else None for n, p in self.settings.pools.items()},
        )
        room = LiveRoom(name=ROOM, policy=policy)
        self.site = Site(
            settings=self.settings,
            rooms={ROOM: room},
            store=self.store,
            answers=MemoryAnswers(lambda: self.now),
            upstream=self.upstream,
            classifier=classifier(self.settings),
            tokens=Tokens(KEYS),
            identities=identities(self.settings),
            pages=Pages(),
            metrics=Metrics(),
            access_log=AccessLog(str(self.folder / "access.log"), lambda: self.now),
            clock=lambda: self.now,
            wall=lambda: self.now,
            chance=lambda: 0.5,
        )
        self.loop = AdmissionLoop(
            room,
            self.store,
            "me",
            lambda: self.readings,
            self.site.metrics,
            lambda: self.now,
            opening=lambda now: self.opening if self.opening and now < self.opening.opens_at else None,
            new_seed=lambda: SEED,
        )
        self.admin = AdminApi(
            self.site, {n: FakePool(n, self) for n in self.settings.pools}, self.folder / "audit.jsonl"
        )

    @property
    def room(self) -> LiveRoom:
        return self.site.rooms[ROOM]

    async def tick(self, seconds: float = 0.1) -> None:
        """Let time pass in turns of the loop; a gone store is noticed as in real life."""
        for turn in range(max(1, round(seconds * 10))):
            self.now += 0.1
            with contextlib.suppress(StoreUnavailable):
                await self.loop.tick()
                if turn % 10 == 9:
                    await self.loop.tidy()

    async def close(self) -> None:
        """Call nobody more: the pools are as full as can be."""
        full = PoolReading(inflight=10, queued=1000, limit=10, queue_wait=5.0, requests_per_s=1.0)
        self.readings = dict.fromkeys(self.readings, full)
        for admission in self.room.admissions.values():
            admission.window = 1.0
        await self.store.call(ROOM, {}, owner="me", credit=0)
        self.room.pacer.level = 0.0
        for number in range(5):
            self.room.ledger.note_request(f"resident{number}", "primary", self.now + 1e6)
        await self.tick(3)

    async def open(self) -> None:
        """Let people in again."""
        self.readings = {name: PoolReading(limit=10) for name in self.readings}
        for number in range(5):
            self.room.ledger.end(f"resident{number}", self.now)
        for admission in self.room.admissions.values():
            admission.window = 50.0
        await self.tick(5)

    def log_lines(self) -> list[Mapping[str, Any]]:
        """The access log so far."""
        self.site.access_log.flush()
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]


@dataclass
class FakePool:
    """The port Measured, as far as the admin API looks at it."""

    name: str
    portal: Portal
    drained: bool = False

    def reading(self) -> PoolReading:
        return self.portal.readings[self.name]

    def describe(self) -> list[dict[str, object]]:
        return [{"url": f"http://{self.name}", "state": "draining" if self.drained else "up"}]

    def urls(self) -> list[str]:
        return [f"http://{self.name}"]

    def drain(self, url: str, draining: bool) -> bool:
        changed, self.drained = self.drained != draining, draining
        return changed


def settings_of(folder: Path, identity: IdentityPolicy | None = None, **rules: object) -> Settings:
    """A portal with a primary and a backup, and one room on `/booking`."""
    return Settings(
        pools={
            "primary": PoolSettings(nodes=("http://p",)),
            "backup": PoolSettings(nodes=("http://b",), role="backup"),
        },
        rooms={ROOM: RoomSettings(**{**ROOM_RULES, **rules})},  # type: ignore[arg-type]
        data_dir=folder,
        identity=identity or IdentityPolicy(),
        proxy=ProxySettings(max_body=1000, trusted_proxies=("127.0.0.1",)),
    )


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """`await start(**room_settings)` gives a portal that serves visitors and operators on free ports."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(**rules: object) -> Portal:
            portal = Portal(tmp_path, settings_of(tmp_path, **rules))
            stack.callback(portal.site.access_log.close)
            await portal.store.open(ROOM, None)
            await portal.tick(2)
            visitors = web.ServerRunner(
                VisitorServer(Gate(portal.site).handle, ConnectionPolicy()), shutdown_timeout=1.0
            )
            operators = web.AppRunner(portal.admin.application(), shutdown_timeout=1.0)
            for runner in (visitors, operators):
                await runner.setup()
                stack.push_async_callback(runner.cleanup)
                await web.TCPSite(runner, "127.0.0.1", 0).start()
            portal.visitors = "http://{}:{}".format(*visitors.addresses[0])
            portal.operators = "http://{}:{}".format(*operators.addresses[0])
            return portal

        yield begin


@pytest.fixture
async def portal(start: Callable[..., Any]) -> Portal:
    """A portal with free capacity."""
    started: Portal = await start()
    return started


@pytest.fixture
async def visitor() -> AsyncIterator[Callable[[Portal], aiohttp.ClientSession]]:
    """`visitor(portal)` is somebody with a cookie jar of their own."""
    people: list[aiohttp.ClientSession] = []

    def come(portal: Portal) -> aiohttp.ClientSession:
        people.append(aiohttp.ClientSession(portal.visitors, cookie_jar=aiohttp.CookieJar(unsafe=True)))
        return people[-1]

    yield come
    for session in people:
        await session.close()

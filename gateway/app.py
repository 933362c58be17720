"""The running gateway: starts the parts, keeps the loops in one task group, drains and stops cleanly."""

import asyncio
import contextlib
import secrets
import signal
import ssl
import time
from collections.abc import Callable, Coroutine
from functools import partial

from aiohttp import web

from gateway.build import Parts, build, room_options
from gateway.core.known_openings import Opening
from gateway.core.reports import PoolReading
from gateway.errors import ConfigError, StoreUnavailable
from gateway.listening import Listener, listen
from gateway.loops import admit, follow_forecast, follow_nodes
from gateway.loops.admit import AdmissionLoop
from gateway.loops.follow_forecast import ForecastFollower
from gateway.loops.follow_nodes import NodeFollower
from gateway.loops.nodes import MEASURE_INTERVAL, Prober, note_nodes
from gateway.loops.supervise import every
from gateway.opening_times import opening_now
from gateway.reload import adopt, adoptable
from gateway.settings import Settings
from gateway.store.answers import RedisAnswers
from gateway.store.connect import connect
from gateway.store.embedded import EmbeddedStore
from gateway.store.redis_room import RedisRooms
from gateway.telemetry.events import event
from gateway.telemetry.forecast_log import ForecastLog
from gateway.tls import load_certificate, visitors_context

STORE_START = 5.0


class Gateway:
    """One gateway process; `run` returns after `stop` or SIGTERM, when what was open has been answered."""

    def __init__(self, settings: Settings, reread: Callable[[], Settings] | None = None) -> None:
        self.settings = settings
        self._reread = reread
        self._stop = asyncio.Event()
        self._embedded = EmbeddedStore(settings.data_dir / "store") if settings.store == "embedded" else None
        self._owner = secrets.token_hex(6)
        self.listen = ""
        self.admin = ""
        self._listeners: list[Listener] = []
        self._tls: ssl.SSLContext | None = None

    def stop(self) -> None:
        """Begin to drain; `run` returns afterwards."""
        self._stop.set()

    def reload(self, parts: Parts) -> None:
        """Take what can be taken of the configuration read anew; one that is not valid changes nothing."""
        if self._reread is None:
            return
        try:
            settings, waits = adoptable(self.settings, self._reread())
            if self._tls is not None and settings.tls.certificate is not None:
                load_certificate(self._tls, settings.tls)
            adopt(parts, settings)
        except ConfigError as error:
            event("reload_refused", error=error)
            return
        self.settings = settings
        keys = list(parts.site.tokens.keys.keys)
        event("reloaded", needs_restart=waits, keys=keys)

    async def run(self, on_ready: Callable[["Gateway"], None]) -> None:
        """Serve until stopped; raises ConfigError when an address, the store or the keys cannot be used."""
        async with contextlib.AsyncExitStack() as stack:
            store = await self._start_store(stack)
            parts = build(self.settings, store, RedisAnswers(store.client))
            stack.callback(parts.site.access_log.close)
            await parts.forwarder.upstream.start()
            stack.push_async_callback(parts.forwarder.upstream.close)
            for name in self.settings.rooms:
                await store.open(name, None)
            loops = self._loops(parts, store)
            for tick in [admitting.tick for admitting in loops]:
                await tick()
            runners = await self._listen(parts, stack)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload, parts)
            on_ready(self)
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(loop) for loop in self._coroutines(parts, store, loops, stack)]
                await self._stop.wait()
                await self._drain(parts, runners)
                for admitting in loops:
                    await admitting.resign()
                for task in running:
                    task.cancel()

    async def _start_store(self, stack: contextlib.AsyncExitStack) -> RedisRooms:
        url = self.settings.store
        if self._embedded is not None:
            await self._embedded.start()
            stack.push_async_callback(self._embedded.stop)
            url = self._embedded.url
        store = RedisRooms(connect(url), {name: room_options(rules) for name, rules in self.settings.rooms.items()})
        stack.push_async_callback(store.close)
        try:
            async with asyncio.timeout(STORE_START):
                await store.ping()
        except (StoreUnavailable, TimeoutError) as error:
            raise ConfigError(f"store: {url} does not answer ({error}); start it or set another store") from error
        return store

    def _loops(self, parts: Parts, store: RedisRooms) -> list[AdmissionLoop]:
        def readings() -> dict[str, PoolReading]:
            return {name: pool.reading() for name, pool in parts.pools.items()}

        def opening(room: str, now: float) -> Opening | None:
            return opening_now(parts.site.settings.rooms[room].openings, parts.site.settings.time_zone, now)

        metrics = parts.site.metrics
        return [
            AdmissionLoop(room, store, self._owner, readings, metrics, time.monotonic, partial(opening, name))
            for name, room in parts.site.rooms.items()
        ]

    def _coroutines(
        self, parts: Parts, store: RedisRooms, admitting: list[AdmissionLoop], stack: contextlib.AsyncExitStack
    ) -> list[Coroutine[None, None, None]]:
        metrics = parts.site.metrics
        run = partial(every, metrics=metrics, clock=time.monotonic)

        async def measure() -> None:
            note_nodes(parts.pools, metrics)

        async def flush() -> None:
            parts.site.access_log.flush()

        coroutines = [run("measure", MEASURE_INTERVAL, measure), run("flush", 1.0, flush)]
        for loop in admitting:
            coroutines += [run("admit", admit.INTERVAL, loop.tick), run("tidy", 1.0, loop.tidy)]
        outcomes = ForecastLog(self.settings.data_dir / "forecasts.jsonl")
        for room in parts.site.rooms.values():
            note = outcomes.note if self.settings.worker == 0 else _leave_it  # sisters share the file
            follower = ForecastFollower(room, store, metrics, partial(parts.site.store_now, room), note)
            coroutines.append(run("follow_forecast", follow_forecast.INTERVAL, follower.look))
        nodes = NodeFollower(parts.pools, store, time.time)
        coroutines.append(run("follow_nodes", follow_nodes.INTERVAL, nodes.look))
        for name, pool in parts.pools.items():
            prober = Prober(pool, parts.forwarder.upstream.proof, parts.forwarder.upstream.tls)
            stack.push_async_callback(prober.close)
            coroutines.append(run("probe", self.settings.pools[name].health.interval, prober.check))
        if self._embedded is not None:
            keep = partial(self._embedded.keep, lambda: event("store_restarted"))
            coroutines.append(run("keep_store", 0.0, keep))
        return coroutines

    async def _listen(self, parts: Parts, stack: contextlib.AsyncExitStack) -> list[web.BaseRunner]:
        visitors = web.ServerRunner(parts.visitors, shutdown_timeout=self.settings.proxy.drain)
        operators = web.AppRunner(parts.admin.application(), access_log=None, shutdown_timeout=1.0)
        self._tls = visitors_context(self.settings.tls)
        self.listen = await self._bind("listen", visitors, self.settings.listen, self._tls, stack)
        self.admin = await self._bind("admin", operators, self.settings.admin, None, stack)
        return [visitors, operators]

    async def _bind(
        self,
        kind: str,
        runner: web.BaseRunner,
        address: str,
        tls: ssl.SSLContext | None,
        stack: contextlib.AsyncExitStack,
    ) -> str:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        listener = await listen(kind, address, runner.server, tls=tls)
        stack.callback(listener.close)
        self._listeners.append(listener)
        return listener.address

    async def _drain(self, parts: Parts, runners: list[web.BaseRunner]) -> None:
        parts.admin.draining = True
        event("draining", open_visits=sum(room.ledger.total for room in parts.site.rooms.values()))
        self._listeners[0].close()
        for runner in runners:
            await runner.cleanup()


def _leave_it(*outcome: object) -> None:
    """Leave an outcome to the first worker to write down."""

"""`talon serve --workers N`: N gateways on one address, one admin address for all of them.

The supervisor opens a listening socket for each worker (SO_REUSEPORT: the kernel spreads connections over them) and
keeps them open. When a worker ends, those who are connecting wait in its socket until the next one takes it over:
nobody is refused, and only what was open in that worker is lost. A worker that crashes is started again, later each
time. SIGHUP replaces one worker after the other, each by one that has read the configuration anew and answers before
the old one drains; a configuration that is not valid replaces none.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web

from gateway.errors import ConfigError
from gateway.listening import BACKLOG, listen, open_socket, shown
from gateway.loops.supervise import every
from gateway.settings import Settings
from gateway.store.embedded import EmbeddedStore
from gateway.telemetry.events import event
from gateway.telemetry.merge import merge
from gateway.telemetry.metrics import Metrics
from gateway.worker import Worker

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
GRACE = 5.0
"""Seconds beyond `proxy.drain` after which a worker that was told to end is killed."""


class Supervisor:
    """Owns the workers, their sockets, the embedded store and the admin address."""

    def __init__(self, settings: Settings, config: Path, workers: int, reread: Callable[[], Settings]) -> None:
        self.settings = settings
        self.listen = ""
        self.admin = ""
        self._config = config
        self._reread = reread
        self._count = workers
        self._stop = asyncio.Event()
        self._sockets: list[socket.socket] = []
        self._workers: list[Worker | None] = [None] * workers
        self._keepers: dict[int, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._generation = 0
        self._store = settings.store

    async def run(self, on_ready: Callable[["Supervisor"], None]) -> None:
        """Serve until told to stop; raises ConfigError when a worker cannot start for the first time."""
        async with contextlib.AsyncExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talon-workers-")))
            await self._start_store(stack)
            self._open_sockets(stack)
            stack.push_async_callback(self._end_all)
            for slot in range(self._count):
                self._workers[slot] = await self._started(slot)
            await self._open_admin(stack)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
            loop.add_signal_handler(signal.SIGHUP, self.reload)
            for slot in range(self._count):
                self._watch(slot)
            on_ready(self)
            await self._stop.wait()

    def reload(self) -> None:
        """Begin to replace the workers, unless that is under way."""
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._replace_all())

    async def _start_store(self, stack: contextlib.AsyncExitStack) -> None:
        if self.settings.store != "embedded":
            return
        store = EmbeddedStore(self.settings.data_dir / "store")
        await store.start()
        stack.push_async_callback(store.stop)
        self._store = store.url
        keep = partial(store.keep, lambda: event("store_restarted"))
        keeping = asyncio.create_task(every("keep_store", 0.0, keep, Metrics(), time.monotonic))
        stack.callback(keeping.cancel)

    def _open_sockets(self, stack: contextlib.AsyncExitStack) -> None:
        address = self.settings.listen
        first = open_socket("listen", address, shared=True)
        self.listen = shown(first)
        many = not address.startswith(("unix:", "systemd", "fd:")) and hasattr(socket, "SO_REUSEPORT")
        for slot in range(self._count):
            sock = first if slot == 0 or not many else open_socket("listen", self.listen, shared=True)
            self._sockets.append(sock)
            stack.callback(sock.close)
            sock.listen(BACKLOG)
            sock.set_inheritable(True)
        if address.startswith("unix:"):
            stack.callback(Path(address[5:]).unlink, missing_ok=True)

    async def _started(self, slot: int) -> Worker:
        self._generation += 1
        command = [sys.executable, "-m", "talon", "serve", "--config", str(self._config)]
        worker = Worker(slot, self._sockets[slot], self._folder / f"{slot}-{self._generation}.sock", command)
        try:
            ready = await worker.start(self._store)
        except TimeoutError:
            ready = False
        except OSError as error:
            raise ConfigError(f"worker {slot} cannot be started: {error.strerror or error}") from error
        except asyncio.CancelledError:
            if worker.pid:
                self._let_go(worker)  # nobody else knows of it
            raise
        if not ready:
            worker.tell(signal.SIGKILL)
            await worker.wait()
            raise ConfigError(f"worker {slot} did not start; it has said why above")
        event("worker_started", slot=slot, pid=worker.pid)
        return worker

    def _watch(self, slot: int) -> None:
        self._keepers[slot] = asyncio.create_task(self._keep(slot))

    async def _keep(self, slot: int) -> None:
        """Start the worker of a slot again whenever it has ended without having been told to."""
        pause = FIRST_PAUSE
        while True:
            worker, since = self._workers[slot], time.monotonic()
            if worker is not None:
                code = await worker.wait()
                self._workers[slot] = None
                event("worker_ended", slot=slot, pid=worker.pid, code=code)
            if time.monotonic() - since > 2 * LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            with contextlib.suppress(ConfigError):
                self._workers[slot] = await self._started(slot)

    async def _replace_all(self) -> None:
        try:
            self._reread()
        except ConfigError as error:
            event("reload_refused", error=error)
            return
        for slot in range(self._count):
            try:
                new = await self._started(slot)
            except ConfigError as error:
                event("reload_refused", error=error)
                return
            self._keepers.pop(slot).cancel()
            old, self._workers[slot] = self._workers[slot], new
            self._watch(slot)
            if old is not None:
                self._let_go(old)
        event("reloaded", workers=[worker.pid for worker in self._workers if worker])

    def _let_go(self, worker: Worker) -> None:
        task = asyncio.create_task(self._end(worker))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, worker: Worker) -> None:
        worker.tell(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.settings.proxy.drain + GRACE):
                await worker.wait()
        except TimeoutError:
            worker.tell(signal.SIGKILL)
            await worker.wait()

    async def _end_all(self) -> None:
        tasks = [*self._keepers.values(), *([self._reloading] if self._reloading is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # what they were starting is being let go then
        there = [self._end(worker) for worker in self._workers if worker is not None and worker.running]
        await asyncio.gather(*there, *self._ending)

    async def _open_admin(self, stack: contextlib.AsyncExitStack) -> None:
        application = web.Application()
        application.router.add_get("/metrics", self._metrics)
        application.router.add_route("*", "/{path:.*}", self._hand_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        listener = await listen("admin", self.settings.admin, runner.server)
        stack.callback(listener.close)
        self.admin = listener.address

    async def _metrics(self, request: web.Request) -> web.Response:
        texts = []
        for worker in [worker for worker in self._workers if worker is not None]:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with worker.client.get("http://worker/metrics") as answer:
                    texts.append(await answer.text())
        return web.Response(text=merge(texts), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _hand_on(self, request: web.Request) -> web.Response:
        """Let the first worker that is there answer: what it shows and changes holds for all, by the store."""
        body = await request.read()
        for worker in [worker for worker in self._workers if worker is not None]:
            asked = worker.client.request(
                request.method,
                f"http://worker{request.raw_path}",
                headers=[field for field in request.headers.items() if field[0].lower() not in ("host", "connection")],
                data=body,
                allow_redirects=False,
            )
            try:
                async with asked as answer:
                    skipped = ("transfer-encoding", "content-length", "connection", "content-encoding")
                    fields = [(name, value) for name, value in answer.headers.items() if name.lower() not in skipped]
                    response = web.Response(status=answer.status, body=await answer.read())
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue
            response.headers.update(fields)
            return response
        return web.Response(status=503, text="no worker is there; they are being started again\n")

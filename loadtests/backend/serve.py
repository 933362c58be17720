"""Runs one simulated backend until it is told to stop, and leaves nothing behind."""

import asyncio
import errno
import signal
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aiohttp import web

from loadtests.backend.app import REQUESTS_PER_VISIT, build_app
from loadtests.backend.faults import Fault
from loadtests.backend.inventory import Inventory
from loadtests.backend.service import ServiceModel
from loadtests.backend.state import BackendState
from loadtests.inputs import BadInput

_ACCEPT_QUEUE = 4096
_CLOSING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPlan:
    """Everything one backend process is told; without an inventory file it has a private one."""

    host: str
    port: int
    model: ServiceModel = field(default_factory=ServiceModel)
    doctors: int = 20
    slots_per_doctor: int = 5000
    inventory: Path | None = None
    fault: Fault = field(default_factory=Fault)
    seed: int = 1


async def serve(plan: BackendPlan, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` gets one line once the address answers."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    with ExitStack() as stack:
        state = BackendState(model=plan.model, inventory=_inventory(plan, stack), random=Random(plan.seed))
        state.set_fault(plan.fault)
        runner = web.AppRunner(build_app(state), access_log=None, shutdown_timeout=_CLOSING_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(runner, plan.host, plan.port, backlog=_ACCEPT_QUEUE)
            await _start(site, plan)
            address = runner.addresses[0]
            announce(
                f"backend on http://{address[0]}:{address[1]}: {plan.model.capacity:g} requests/s,"
                f" {plan.model.capacity / REQUESTS_PER_VISIT:g} visits/s"
            )
            await stop.wait()
        finally:
            await runner.cleanup()


def _inventory(plan: BackendPlan, stack: ExitStack) -> Inventory:
    path = plan.inventory
    if path is None:
        folder = stack.enter_context(TemporaryDirectory(prefix="talon-backend-"))
        path = Path(folder) / "inventory.sqlite"
    try:
        return Inventory(path, doctors=plan.doctors, slots_per_doctor=plan.slots_per_doctor)
    except ValueError as error:
        raise BadInput(f"--doctors, --slots-per-doctor: {error}") from None
    except sqlite3.Error as error:
        raise BadInput(f"--inventory {path}: cannot be used as an sqlite file: {error}") from None


async def _start(site: web.TCPSite, plan: BackendPlan) -> None:
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BadInput(f"--listen: {plan.host}:{plan.port} is in use; choose another port") from None
        raise BadInput(f"--listen: cannot listen on {plan.host}:{plan.port}: {error.strerror}") from None

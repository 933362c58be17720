"""What one simulated backend holds while it runs: its pool, its slots, its counts and its fault."""

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random
from time import time
from typing import Any, TypeVar

from loadtests.backend.counters import Counters
from loadtests.backend.faults import Fault, FaultKind
from loadtests.backend.inventory import Inventory
from loadtests.backend.pool import LivePool
from loadtests.backend.service import ServiceModel

Answer = TypeVar("Answer")

SERIES = ("offered", "served", "wasted", "refused", "confirmed")


@dataclass(slots=True, kw_only=True)
class BackendState:
    """The parts a request may touch; built once per process, never at import."""

    model: ServiceModel
    inventory: Inventory
    random: Random
    fault: Fault = field(default_factory=Fault)
    counters: Counters = field(default_factory=Counters)
    pool: LivePool = field(init=False)
    fault_since: float = field(init=False)
    fault_over: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    started_at: float = field(default_factory=time)

    def __post_init__(self) -> None:
        self.pool = LivePool(self.model)
        self.fault_since = time()

    def set_fault(self, fault: Fault) -> None:
        """Begin a fault now; requests that hang in the one before are let go."""
        self.fault_over.set()
        self.fault_over = asyncio.Event()
        self.fault = fault
        self.fault_since = time()

    def fault_left(self) -> float:
        """Seconds until the fault ends by itself."""
        if self.fault.kind is FaultKind.NONE:
            return 0.0
        return max(0.0, self.fault.seconds - (time() - self.fault_since))

    def struck(self) -> FaultKind:
        """Which fault hits the request at hand, drawn anew for each."""
        if self.fault.kind is FaultKind.NONE:
            return FaultKind.NONE
        age = time() - self.fault_since
        return self.fault.kind if self.fault.strikes(age=age, chance=self.random.random()) else FaultKind.NONE

    def reset(self) -> None:
        """As after a fresh start: no bookings, no counts, no fault, no backlog, cold again."""
        self.pool.close()
        self.pool = LivePool(self.model)
        self.counters = Counters()
        self.inventory.clear()
        self.set_fault(Fault())
        self.started_at = time()

    def keep(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        """Start work that nobody's leaving can cancel, and hold on to it until it is done."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def close(self) -> None:
        """End all work and give the inventory back."""
        self.pool.close()
        self.fault_over.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.inventory.close()

    def new_id(self) -> str:
        """A reference nobody can guess."""
        return secrets.token_hex(8)

    def stats(self) -> dict[str, object]:
        """Counts, series by wall-clock second and the state of the pool, ready for JSON."""
        return {
            "capacity_requests_per_s": self.model.capacity,
            "capacity_visits_per_s": self.model.capacity / 4,
            "workers": self.model.workers,
            "service_time_s": self.model.service_time,
            "started_at": self.started_at,
            "now": time(),
            "backlog": self.pool.waiting,
            "inflight": self.pool.inflight,
            "bookings": self.inventory.confirmed(),
            "double_bookings": self.inventory.double_bookings(),
            "taken_attempts": self.counters.total("taken"),
            "fault": self.fault.kind.value if self.fault_left() else FaultKind.NONE.value,
            **{name: self.counters.total(name) for name in SERIES},
            "series": {name: self.counters.series(name) for name in SERIES},
        }

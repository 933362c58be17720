"""The supervisor of several workers: who cannot be started is told, and takes nobody else along."""

import asyncio
import contextlib
import errno
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError, StoreUnavailable
from gateway.settings import Settings
from gateway.store.embedded import EmbeddedStore
from gateway.supervisor import Supervisor
from gateway.worker import Worker
from tests.conftest import until

NO_MEMORY = OSError(errno.ENOMEM, "Cannot allocate memory")
Outcome = bool | OSError | None
"""Whether it starts, or why not; None for one that never comes to that."""


class Pretended(Worker):
    """A worker without a process, which starts as the test says and ends when it is told to."""

    outcome: Outcome = True

    async def start(self, store: str) -> bool:
        self.over, self.told = asyncio.Event(), list[signal.Signals]()
        if isinstance(self.outcome, OSError):
            raise self.outcome
        if self.outcome is None:
            await asyncio.Event().wait()
        if not self.outcome:
            self.over.set()
        return bool(self.outcome)

    @property
    def pid(self) -> int:
        return 1

    @property
    def running(self) -> bool:
        return not self.over.is_set()

    async def wait(self) -> int:
        await self.over.wait()
        return 1

    def tell(self, number: signal.Signals) -> None:
        self.told.append(number)
        self.over.set()


class Reluctant(EmbeddedStore):
    """A store without a process, which can be kept alive only when that was tried for the third time."""

    tries = 0

    async def start(self) -> None:
        """There is nothing to start."""

    async def keep(self, on_restart: Callable[[], None]) -> None:
        Reluctant.tries += 1
        if Reluctant.tries < 3:
            raise StoreUnavailable("no room on the disk")
        await asyncio.Event().wait()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Pretended]:
    """All workers that were made, one after the other."""
    workers = list[Pretended]()
    monkeypatch.setattr("gateway.supervisor.FIRST_PAUSE", 0.01)
    return workers


@pytest.fixture
def starts(made: list[Pretended], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say how one start after the other goes; all that follow go well."""

    def say(*outcomes: Outcome) -> None:
        rest = list(outcomes)

        def make(*given: Any) -> Pretended:
            made.append(Pretended(*given))
            if rest:
                made[-1].outcome = rest.pop(0)
            return made[-1]

        monkeypatch.setattr("gateway.supervisor.Worker", make)

    say()
    return say


def supervisor(workers: int, folder: Path, store: str = "redis://127.0.0.1:1") -> Supervisor:
    pools: Any = {"primary": {"nodes": ["http://127.0.0.1:1"]}}
    address = "127.0.0.1:0"
    settings = Settings(listen=address, admin=address, store=store, data_dir=folder, pools=pools)
    return Supervisor(settings, folder / "talon.yaml", workers, lambda: settings)


@contextlib.asynccontextmanager
async def running(it: Supervisor) -> AsyncIterator[None]:
    """Let it run until the end of the block."""
    ready = asyncio.Event()
    task = asyncio.create_task(it.run(lambda _: ready.set()))
    try:
        await until(lambda: ready.is_set() or task.done())
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (False, "worker 1 did not start; it has said why above"),
        (NO_MEMORY, "worker 1 cannot be started: Cannot allocate memory"),
    ],
)
async def test_one_that_cannot_start_ends_those_before_it(
    outcome: Outcome, said: str, made: list[Pretended], starts: Callable[..., None], tmp_path: Path
) -> None:
    """Nothing is left running by a gateway that did not get there."""
    starts(True, outcome)
    with pytest.raises(ConfigError, match=said):
        await supervisor(3, tmp_path).run(lambda _: pytest.fail("it is not there"))
    assert [made[0].told, len(made)] == [[signal.SIGTERM], 2]


async def test_one_that_cannot_be_started_again_is_tried_again(
    made: list[Pretended], starts: Callable[..., None], tmp_path: Path
) -> None:
    """A system that has no process to give for a moment costs a worker no more than that moment."""
    starts(True, NO_MEMORY, False, True)
    async with running(supervisor(1, tmp_path)):
        made[0].over.set()
        await until(lambda: len(made) == 4 and made[3].running, what="the fourth is there")
    assert made[3].told == [signal.SIGTERM]


async def test_one_that_is_being_started_ends_with_the_others(
    made: list[Pretended], starts: Callable[..., None], tmp_path: Path
) -> None:
    """The supervisor ends in the middle of a reload: nobody is left behind."""
    starts(True, None)
    it = supervisor(1, tmp_path)
    async with running(it):
        it.reload()
        await until(lambda: len(made) == 2, what="the second is being started")
    assert [worker.told for worker in made] == [[signal.SIGTERM], [signal.SIGTERM]]


async def test_a_store_that_does_not_start_again_is_told_and_tried_again(
    starts: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Workers go on without it meanwhile, as one process does."""
    monkeypatch.setattr("gateway.supervisor.EmbeddedStore", Reluctant)
    monkeypatch.setattr("gateway.loops.supervise.FIRST_PAUSE", 0.01)
    monkeypatch.setattr(Reluctant, "tries", 0)
    async with running(supervisor(1, tmp_path, store="embedded")):
        await until(lambda: Reluctant.tries == 3, what="tried for the third time")
    told = capfdbinary.readouterr().err
    assert told.count(b'"event":"store_unavailable","loop":"keep_store","error":"no room on the disk"') == 1, told

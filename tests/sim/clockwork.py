"""An event loop whose time jumps from event to event: hours of asyncio code in seconds, always the same way."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class NothingLeft(Exception):
    """Nobody waits for a time and no event is due: the simulated world stands still for ever."""


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting for files it moves the loop's clock to the next event."""

    jump: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeft("every task waits for another one")
        self.jump(max(0.0, timeout))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio with virtual time: `time()` starts at 0 and moves only when everything that can run has run."""

    def __init__(self) -> None:
        self._now = 0.0
        selector = _NoWaiting()
        selector.jump = self._jump
        super().__init__(selector)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds


async def passes(seconds: float) -> None:
    """Let virtual time pass; on a real clock it fails, so that no test waits by accident."""
    assert isinstance(asyncio.get_running_loop(), VirtualLoop), "only virtual time passes by itself"
    await asyncio.sleep(seconds)


async def others_run() -> None:
    """Let everything that can run now run for one turn of the loop."""
    await passes(0)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run `main` to its end in virtual time and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)

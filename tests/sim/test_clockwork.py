"""The virtual clock itself: order, jumps, and the end of a world in which nothing can happen."""

import asyncio
import time

import pytest

from tests.sim.clockwork import NothingLeft, run


def test_hours_pass_in_no_time_and_in_order() -> None:
    """Sleeps end in the order of their times, at exactly those times, without anybody waiting for real."""
    seen: list[tuple[float, str]] = []

    async def sleeper(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        seen.append((asyncio.get_running_loop().time(), name))

    async def main() -> None:
        await asyncio.gather(sleeper(7200, "late"), sleeper(0.5, "soon"), sleeper(3600, "middle"))

    began = time.monotonic()
    run(main())
    assert [(round(at, 6), name) for at, name in seen] == [(0.5, "soon"), (3600, "middle"), (7200, "late")]
    assert time.monotonic() - began < 5


def test_timeouts_are_virtual_too() -> None:
    """A timeout of a day ends at once in real time and after a day in virtual time."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(86_400):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(86_400)


def test_a_world_that_stands_still_says_so() -> None:
    """When every task waits for another one the run ends with an error instead of hanging."""

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeft):
        run(main())

"""Runs a peak in a child process, because locust patches whatever process it is imported in."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from pathlib import Path

from loadtests.plan import PeakPlan, Progress
from loadtests.report import PeakReport, aggregate, read_records
from loadtests.users.habits import Habits

_STOP_SECONDS = 10.0
_STDERR_LINES = 20


class RunFailed(Exception):
    """The child ended without finishing its run; the message holds its last words."""


async def run_peak(
    *,
    target: str,
    curve: Path,
    out: Path,
    seed: int,
    patience: float,
    think: tuple[float, float],
    on_progress: Callable[[Progress], None],
    drain: float = 120.0,
) -> PeakReport:
    """Send the visits of a curve to a site and report what became of them; a cancelled run leaves no child."""
    habits = Habits(patience=patience, think=think)
    plan = PeakPlan(target=target, curve=str(curve), out=str(out), seed=seed, drain=drain, habits=habits)
    return await run_plan(plan, on_progress=on_progress)


async def run_plan(
    plan: PeakPlan, *, on_progress: Callable[[Progress], None], stop: asyncio.Event | None = None
) -> PeakReport:
    """As `run_peak`, with every option; `stop` ends the run early and still reports."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtests.run_locust",
        plan.to_json(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    last_words: deque[str] = deque(maxlen=_STDERR_LINES)
    helpers = [asyncio.create_task(_listen(child, last_words))]
    if stop is not None:
        helpers.append(asyncio.create_task(_stop_when(stop, child)))
    try:
        finished = await _follow(child, on_progress)
        code = await child.wait()
        if code != 0 or not finished:
            await helpers[0]
            raise RunFailed(f"the load test ended early with exit code {code}: {' | '.join(last_words)}")
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.shield(_end(child))
    return aggregate(read_records(Path(plan.out)))


async def _follow(child: Process, on_progress: Callable[[Progress], None]) -> bool:
    """Pass the child's lines on; whether the last one came."""
    assert child.stdout is not None
    finished = False
    async for line in child.stdout:
        try:
            progress = Progress.from_line(line)
        except ValueError:
            continue
        finished = progress.last
        on_progress(progress)
    return finished


async def _listen(child: Process, last_words: deque[str]) -> None:
    assert child.stderr is not None
    async for line in child.stderr:
        last_words.append(line.decode(errors="replace").strip())


async def _stop_when(stop: asyncio.Event, child: Process) -> None:
    await stop.wait()
    if child.returncode is None:
        child.terminate()


async def _end(child: Process) -> None:
    """Ask the child to end, then insist."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), _STOP_SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()

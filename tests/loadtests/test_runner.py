"""Whole runs of locust in their child process, against a backend behind a small waiting room."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from loadtests.backend.app import build_app
from loadtests.backend.inventory import Inventory
from loadtests.backend.service import ServiceModel
from loadtests.backend.state import BackendState
from loadtests.plan import PeakPlan, Progress
from loadtests.report import read_records
from loadtests.runner import RunFailed, run_peak, run_plan
from loadtests.shapes.curve import Curve, write_curve
from loadtests.users.habits import Habits

pytestmark = pytest.mark.slow

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def portal(folder: Path, *, room: bool, seen: Counter[str]) -> AsyncIterator[str]:
    """A quick backend; with a room, each visit waits for one second and must bring its cookies back."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sim"):
            return await handler(request)
        seen["html" if "text/html" in request.headers.get("Accept", "") else "json"] += 1
        if room and "talon_pass" not in request.cookies and "talon_ticket" not in request.cookies:
            seen["tickets"] += 1
            waiting = web.json_response(
                {"ticket": "t", "position": 1, "eta_seconds_low": 0, "eta_seconds_high": 3},
                status=503,
                headers={"Retry-After": "1"},
                content_type="application/problem+json",
            )
            waiting.set_cookie("talon_ticket", f"t{seen['tickets']}", httponly=True)
            return waiting
        answer = await handler(request)
        if room and "talon_pass" not in request.cookies:
            seen["passes"] += 1
            answer.set_cookie("talon_pass", "p", httponly=True)
            answer.del_cookie("talon_ticket")
        return answer

    inventory = Inventory(folder / "slots.sqlite", doctors=5, slots_per_doctor=200)
    state = BackendState(model=ServiceModel(service_time=0.005), inventory=inventory, random=Random(1))
    app = build_app(state)
    app.middlewares.append(gate)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def curve_file(folder: Path, rate: float, seconds: float) -> Path:
    """A steady curve in a file."""
    write_curve(Curve(((0.0, rate), (seconds, rate))), folder / "curve.csv")
    return folder / "curve.csv"


async def test_visitors_wait_keep_their_cookies_and_book(tmp_path: Path) -> None:
    """Everybody gets a ticket once, comes back with it after Retry-After, gets a pass once, and books."""
    seen: Counter[str] = Counter()
    lines: list[Progress] = []
    async with portal(tmp_path, room=True, seen=seen) as target:
        report = await run_peak(
            target=target,
            curve=curve_file(tmp_path, 20, 1.5),
            out=tmp_path / "visits.jsonl",
            seed=3,
            patience=10,
            think=(0.0, 0.1),
            on_progress=lines.append,
        )
    assert 10 < report.started == report.booked == seen["tickets"] == seen["passes"]
    assert (report.errors, report.waiting_after_admission, report.waited) == (0, 0, report.started)
    assert report.wait_p50_s == pytest.approx(1.0, abs=0.3)
    assert (report.waits_inside, report.waits_not_above) == (1.0, 1.0)
    assert lines[-1].last
    assert lines[-1].booked == report.booked == len(read_records(tmp_path / "visits.jsonl"))
    assert sum(count for _, count in report.bookings) == report.booked


async def test_a_stopped_run_still_reports_and_a_cancelled_one_leaves_no_child(tmp_path: Path) -> None:
    """Stopping early keeps what was recorded; cancelling ends the child; browsers ask for pages."""
    seen: Counter[str] = Counter()
    stop = asyncio.Event()
    under_way = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.booked >= 3:
            stop.set()
        if progress.started >= 1:
            under_way.set()

    async with portal(tmp_path, room=False, seen=seen) as target:
        plan = PeakPlan(
            target=target,
            curve=str(curve_file(tmp_path, 10, 60)),
            out=str(tmp_path / "visits.jsonl"),
            html=str(tmp_path / "report.html"),
            habits=Habits(think=(0.1, 0.3), browser_share=1),
        )
        report = await asyncio.wait_for(run_plan(plan, on_progress=watch, stop=stop), 30)
        assert report.booked >= 3
        assert report.errors == 0
        assert report.ended - report.began < 20
        assert seen["json"] == 0 < seen["html"]
        assert "<html" in (tmp_path / "report.html").read_text()
        under_way.clear()
        running = asyncio.create_task(run_plan(plan, on_progress=watch))
        await asyncio.wait_for(under_way.wait(), 20)
        children = children_of(os.getpid())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert children
        assert not set(children) & set(children_of(os.getpid()))


async def test_a_child_that_cannot_run_says_why(tmp_path: Path) -> None:
    """The last words of the child are in the message."""
    plan = PeakPlan(target="http://127.0.0.1:1", curve=str(tmp_path / "none.csv"), out=str(tmp_path / "o"))
    with pytest.raises(RunFailed, match=r"none\.csv: cannot be read"):
        await run_plan(plan, on_progress=lambda progress: None)


async def test_plain_locust_works_with_the_shape(tmp_path: Path) -> None:
    """`locust -f` with the locustfile and the curve shape books appointments and ends with the curve."""
    folder = Path(__file__).parents[2] / "loadtests"
    async with portal(tmp_path, room=False, seen=Counter()) as target:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "locust",
            "-f",
            f"{folder / 'locustfile.py'},{folder / 'shapes' / 'curve_shape.py'}",
            *("--headless", "--host", target, "--only-summary", "--stop-timeout", "3"),
            *("--curve", str(curve_file(tmp_path, 2, 4)), "--visit-length", "2", "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        output, errors = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, errors.decode()
    assert b'"name": "confirm"' in output


def children_of(parent: int) -> list[int]:
    """The processes that this one started and that run locust."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text().rpartition(")")[2].split()
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status[1]) == parent and b"loadtests.run_locust" in command:
                found.append(int(folder.name))
    return found

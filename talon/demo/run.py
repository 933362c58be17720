"""The demo from start to end: learn, play the peak twice, compare."""

import asyncio
import json
import shutil
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from forecasting.contract import ForecastRecord
from forecasting.sources.sample import sample_log
from talon.demo.morning import BEGIN, ZONE, morning, read_trace, write_history
from talon.demo.peaks import direct_peak, gateway_peak
from talon.demo.plan import CAPACITY, PEAK, DemoPlan
from talon.demo.screen import Screen
from talon.demo.stage import Stage, check_free
from talon.demo.summary import summarise, table


async def run_demo(*, port: int, minutes: float, seed: int, headless: bool, out: Path | None) -> None:
    """Play the demo and print the table; raises ValueError for bad options, StageFailed when a part fails."""
    folder = Path(tempfile.mkdtemp(prefix="talon-demo-"))
    console = Console()
    try:
        plan = DemoPlan.of(minutes=minutes, port=port, seed=seed, folder=folder)
        check_free(plan.port, plan.port + 1)
        with Screen(console, headless=headless) as screen:
            await _play(plan, screen, console, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _play(plan: DemoPlan, screen: Screen, console: Console, out: Path | None) -> None:
    trace = read_trace()
    played = morning(trace, plan.peak_seconds)
    screen.step("1. Learning from a real request log of July 1995; the Monday that will be played is kept from it.")
    record = await learn(plan, trace, screen)
    screen.step(
        f"2. The morning straight at one booking backend: up to {PEAK:g} times the {CAPACITY:g} visits/s it can finish."
    )
    direct = await direct_peak(plan, played, screen.progress)
    screen.step(
        "3. The same morning through Talon, with a cold backup.\n"
        f"   queue as a patient: http://127.0.0.1:{plan.port}   watch: http://127.0.0.1:{plan.port + 1}/dashboard"
    )
    through = await gateway_peak(plan, played, record, screen.progress)
    screen.step("")
    summaries = summarise(direct, played), summarise(through, played)
    console.print(table(*summaries, plan.peak_seconds))
    if out is not None:
        out.write_text(  # noqa: ASYNC240 - the last act, nothing else runs
            json.dumps({"direct": asdict(summaries[0]), "talon": asdict(summaries[1])}, indent=2) + "\n"
        )


async def learn(plan: DemoPlan, trace: list[tuple[float, str, float]], screen: Screen) -> ForecastRecord:
    """Clean the shipped log, train on the shipped series up to midnight, and return the plan for the morning."""
    folder = plan.folder / "learn"
    folder.mkdir()
    history, models = folder / "history.csv", folder / "models"
    bins = write_history(trace, history)
    capacity = [part for pool in ("primary", "backup") for part in ("--capacity", f"{pool}={CAPACITY:g}")]
    begin = asyncio.get_running_loop().time()
    async with Stage(folder) as stage:
        await stage.run("ingest", "forecasting", "ingest", str(sample_log()), "--out", str(folder / "log"))
        quality = json.loads((folder / "log" / "quality.json").read_text())
        screen.step(f"   {_quality(quality)}")
        await stage.run(
            "fit",
            "forecasting",
            "fit",
            "--data",
            str(history),
            "--model-dir",
            str(models),
            "--timezone",
            ZONE,
            "--folds",
            "4",
        )
        await stage.run(
            "plan", "forecasting", "publish", "--model-dir", str(models), "--redis", "redis://127.0.0.1", *capacity,
            "--at", _iso(BEGIN), "--horizon", "9h", "--dry-run",
        )  # fmt: skip
    record = ForecastRecord.from_json((folder / "plan.log").read_text().strip().splitlines()[-1])
    took = asyncio.get_running_loop().time() - begin
    screen.step(
        f"   trained {record.model} on {bins:,} quarters of an hour, planned {len(record.steps)} steps in {took:.0f} s"
    )
    return record


def _iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quality(document: dict[str, object]) -> str:
    dropped = document["dropped"]
    assert isinstance(dropped, dict)
    reasons = ", ".join(f"{entry['lines']} {reason}" for reason, entry in dropped.items())
    return f"cleaned {document['lines_read']:,} real log lines: {document['kept']} kept, dropped {reasons or 'none'}"

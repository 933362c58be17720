"""The two peaks of the demo: straight at the backend, then through the gateway."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from forecasting.contract import ForecastRecord
from forecasting.publish import compress, write_records
from gateway.store.embedded import socket_path
from loadtests.plan import Progress
from loadtests.report import PeakReport
from loadtests.runner import run_peak
from talon.demo.morning import BEGIN, Morning
from talon.demo.plan import COLD_FACTOR, PATIENCE, SERVICE_TIME, THINK, WARMUP, WORKERS, DemoPlan
from talon.demo.stage import Stage, free_port
from talon.demo.watch import Watched, watch

DRAIN = 6.0
Show = Callable[[Progress, Watched | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """One peak: the visitors' report, what the backends counted, what was seen of the gateway."""

    report: PeakReport
    backends: list[dict[str, Any]]
    watched: Watched | None
    began: float


async def direct_peak(plan: DemoPlan, played: Morning, show: Show) -> Peak:
    """Send the morning straight at one backend."""
    folder = _folder(plan, "direct")
    async with Stage(folder) as stage, _backends(stage, folder, ("primary",)) as urls:
        began = time.time()
        report = await _visitors(plan, urls["primary"], played, folder, lambda p: show(p, None))
        return Peak(report=report, backends=await _stats(urls), watched=None, began=began)


async def gateway_peak(plan: DemoPlan, played: Morning, record: ForecastRecord, show: Show) -> Peak:
    """Send the morning through the gateway, with a cold backup behind it and the forecast before it."""
    folder = _folder(plan, "gateway")
    visitors, admin = f"127.0.0.1:{plan.port}", f"127.0.0.1:{plan.port + 1}"
    async with Stage(folder) as stage, _backends(stage, folder, ("primary", "backup")) as urls:
        config = folder / "talon.yaml"
        config.write_text(yaml.safe_dump(configuration(folder, visitors, admin, urls), sort_keys=False))
        child = await stage.start("gateway", "talon", "serve", "--config", str(config))
        await stage.answers("gateway", f"http://{admin}/livez", child)
        began = time.time() + 1.5
        follow = compress(record, start=began, begin=BEGIN, speed=played.speed, scale=played.scale)
        store = socket_path(folder / "data" / "store")
        await asyncio.to_thread(write_records, [follow], f"unix://{store}")
        seen = Watched()
        watching = asyncio.create_task(watch(admin, seen))
        try:
            report = await _visitors(plan, f"http://{visitors}", played, folder, lambda p: show(p, seen))
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        return Peak(report=report, backends=await _stats(urls), watched=seen, began=report.began)


def configuration(folder: Path, visitors: str, admin: str, urls: dict[str, str]) -> dict[str, Any]:
    """Return the gateway's configuration: all defaults but the times, which are compressed like the morning."""
    backup = {"role": "backup", "nodes": [urls["backup"]], "warmup": f"{WARMUP:g}s", "hold": "20s"}
    room = {
        "lanes": {"urgent": {"target_wait": "5s"}, "regular": {"target_wait": "30s"}},
        "presence_grace": "60s",
        "claim_window": "15s",
        "longest_poll": "8s",
        "visits": {"duration": "4s", "requests": 5, "idle": "20s"},
    }
    return {
        "listen": visitors,
        "admin": admin,
        "data_dir": str(folder / "data"),
        "pools": {"primary": {"nodes": [urls["primary"]]}, "backup": backup},
        "rooms": {"booking": room},
    }


def _folder(plan: DemoPlan, name: str) -> Path:
    folder = plan.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.asynccontextmanager
async def _backends(stage: Stage, folder: Path, names: tuple[str, ...]) -> AsyncIterator[dict[str, str]]:
    urls = {}
    for name in names:
        address = f"127.0.0.1:{free_port()}"
        warmup = WARMUP if name == "backup" else 0.0
        child = await stage.start(
            name, "loadtests", "backend", "--listen", address, "--inventory", str(folder / "slots.sqlite"),
            "--workers", str(WORKERS), "--service-time", f"{SERVICE_TIME * 1000:.0f}ms",
            "--warmup", f"{warmup:g}s", "--cold-factor", f"{COLD_FACTOR:g}",
        )  # fmt: skip
        urls[name] = f"http://{address}"
        await stage.answers(name, f"{urls[name]}/healthz", child)
    yield urls


async def _visitors(
    plan: DemoPlan, target: str, played: Morning, folder: Path, show: Callable[[Progress], None]
) -> PeakReport:
    curve = folder / "curve.csv"
    played.write_curve(curve)
    return await run_peak(
        target=target,
        curve=curve,
        out=folder / "visits.jsonl",
        seed=plan.seed,
        patience=PATIENCE,
        think=THINK,
        on_progress=show,
        drain=DRAIN,
    )


async def _stats(urls: dict[str, str]) -> list[dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=5.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        stats = []
        for url in urls.values():
            async with session.get(f"{url}/_sim/stats") as answer:
                stats.append(await answer.json())
        return stats

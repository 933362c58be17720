"""Watches the gateway during the peak through its admin address, as an operator would."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass(slots=True)
class Watched:
    """What was seen: the latest state, and when and why a backup pool opened."""

    rooms: list[dict[str, Any]] = field(default_factory=list)
    pools: list[dict[str, Any]] = field(default_factory=list)
    opened_at: float | None = None
    opened_why: str = ""
    warm_at: float | None = None
    most_waiting: int = 0

    def note(self, rooms: list[dict[str, Any]], pools: list[dict[str, Any]], now: float) -> None:
        """Take one reading."""
        self.rooms, self.pools = rooms, pools
        self.most_waiting = max([self.most_waiting, *(sum(room["waiting"].values()) for room in rooms)])
        for pool in pools:
            if pool["role"] != "backup" or pool["state"] == "closed":
                continue
            if self.opened_at is None:
                self.opened_at, self.opened_why = now, pool["reason"]
            if pool["state"] == "open" and self.warm_at is None:
                self.warm_at = now


async def watch(admin: str, seen: Watched, interval: float = 0.5) -> None:
    """Read rooms and pools until cancelled; a reading that fails is left out."""
    timeout = aiohttp.ClientTimeout(total=2.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
                answers = [await _read(session, f"http://{admin}/api/{name}") for name in ("rooms", "pools")]
                seen.note(answers[0]["rooms"], answers[1]["pools"], time.time())
            await asyncio.sleep(interval)


async def _read(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url) as answer:
        body: dict[str, Any] = await answer.json()
        return body

"""Clients that come as they please (open loop, Poisson), give up after 2 s, and count what came in time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

GIVE_UP = 2.0
DEADLINE = 1.0
HEAD = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: when it was sent, seconds since the run began, how long it took, and what came of it."""

    at: float
    took: float
    status: int
    path: str
    retry_after: bool

    @property
    def good(self) -> bool:
        """Whether a useful answer came within the deadline."""
        return self.status == 200 and self.took <= DEADLINE


async def offer(
    address: str, rate: float, seconds: float, path: Callable[[float], str], seed: int, during: "Sequence[Moment]" = ()
) -> list[Asked]:
    """Send `rate` requests/s for a time; `path` gives the target for a number in [0, 1). `during` are things to do."""
    chance, asked, tasks = Random(seed), list[Asked](), list[asyncio.Task[None]]()
    host, port = address.split(":")
    began, at = time.monotonic(), 0.0
    moments = [asyncio.create_task(moment.come(began)) for moment in during]
    while True:
        at += chance.expovariate(rate)
        if at >= seconds:
            break
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        tasks.append(asyncio.create_task(_ask(host, int(port), path(chance.random()), began, asked)))
    await asyncio.gather(*tasks, *moments)
    return asked


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens `at` seconds after the beginning."""

    at: float
    what: Callable[[], object]

    async def come(self, began: float) -> None:
        await asyncio.sleep(max(0.0, began + self.at - time.monotonic()))
        self.what()  # not in a thread: a child that one starts ends with it


async def _ask(host: str, port: int, path: str, began: float, asked: list[Asked]) -> None:
    sent, answer = time.monotonic(), b""
    try:
        async with asyncio.timeout(GIVE_UP):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read(HEAD)
                while more := await reader.read(HEAD):
                    answer = answer if len(answer) >= HEAD else answer + more
            finally:
                writer.close()
    except (TimeoutError, OSError):
        answer = b""
    status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
    told = b"\r\nretry-after:" in answer.partition(b"\r\n\r\n")[0].lower()
    asked.append(Asked(at=sent - began, took=time.monotonic() - sent, status=status, path=path, retry_after=told))


def quantile(values: Sequence[float], q: float) -> float:
    """Return a quantile, nan for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")

"""Child processes of the demo: started in order, ended in reverse, none left behind whatever happens."""

import asyncio
import contextlib
import errno
import secrets
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from types import TracebackType

import aiohttp

from gateway.store.embedded import die_with_parent

STOP_DEADLINE = 8.0
BROKEN_OFF = 2.0
"""Seconds that a child gets to end when the demo was broken off: nothing of it is kept."""
START_DEADLINE = 20.0
_FREE_PORTS = range(18_000, 32_000)


class StageFailed(Exception):
    """A part of the demo did not start or did not finish; the message says which and what it wrote."""


def free_port(neighbours: int = 0) -> int:
    """Return a port of the loopback that nobody uses now, and as many free ones behind it as asked for.

    It lies below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 on macOS), so no
    connection takes it between this look and the start of the server that is meant to listen there.
    """
    for _ in range(100):
        port = secrets.choice(_FREE_PORTS)
        with contextlib.suppress(StageFailed):
            check_free(*range(port, port + neighbours + 1))
            return port
    raise StageFailed(f"no free port between {_FREE_PORTS[0]} and {_FREE_PORTS[-1]}")


def check_free(*ports: int) -> None:
    """Raise StageFailed for the first port of the loopback that a server could not take."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                reason = "in use" if error.errno == errno.EADDRINUSE else f"not to be had ({error.strerror})"
                raise StageFailed(f"127.0.0.1:{port} is {reason}; choose another with --port") from error


class Stage:
    """Owns the children; an async context that ends all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._children: list[tuple[str, Process]] = []

    async def __aenter__(self) -> "Stage":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.end(deadline=STOP_DEADLINE if kind is None else BROKEN_OFF))

    async def start(self, name: str, *arguments: str) -> Process:
        """Start `python -m ...` with its output in a file of the folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        self._children.append((name, child))
        return child

    async def run(self, name: str, *arguments: str) -> None:
        """Run `python -m ...` to its end; StageFailed with its last words unless it succeeds."""
        child = await self.start(name, *arguments)
        if await child.wait() != 0:
            raise StageFailed(f"{name} ended with code {child.returncode}: {self.last_words(name)}")

    async def answers(self, name: str, url: str, child: Process) -> None:
        """Return when `url` answers below 500; StageFailed when the child ends first or takes too long."""
        timeout = aiohttp.ClientTimeout(total=1.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(int(START_DEADLINE / 0.05)):
                if child.returncode is not None:
                    raise StageFailed(f"{name} ended with code {child.returncode}: {self.last_words(name)}")
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with session.get(url) as answer:
                        if answer.status < 500:
                            return
                await asyncio.sleep(0.05)
        raise StageFailed(f"{name} does not answer at {url}: {self.last_words(name)}")

    def last_words(self, name: str) -> str:
        """Return the last line that a child wrote."""
        lines = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it wrote nothing"

    async def end(self, deadline: float = STOP_DEADLINE) -> None:
        """End the children, last first, each within `deadline` seconds."""
        while self._children:
            _, child = self._children.pop()
            await _end(child, deadline)


async def _end(child: Process, deadline: float) -> None:
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), deadline)
    except TimeoutError:
        child.kill()
        await child.wait()

"""One worker of a gateway as its supervisor sees it: a process of its own, reached over a unix socket."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from gateway.store.embedded import die_with_parent

READY = 30.0
"""Seconds that a worker may take to start."""


class Worker:
    """Owns one process. `slot` is its number among its sisters, `listener` the socket that stays when it goes."""

    def __init__(self, slot: int, listener: socket.socket, admin: Path, command: list[str]) -> None:
        self.slot = slot
        self.admin = admin
        self._listener = listener
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._client: aiohttp.ClientSession | None = None

    @property
    def client(self) -> aiohttp.ClientSession:
        """A client whose requests to `http://worker/...` reach the worker's admin API."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(self.admin)), timeout=aiohttp.ClientTimeout(total=10)
            )
        return self._client

    @property
    def pid(self) -> int:
        """The process id, 0 before the start."""
        return self._process.pid if self._process is not None else 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self, store: str) -> bool:
        """Start it and wait until it answers; False when it ends instead, having said why on standard error."""
        descriptor = self._listener.fileno()
        own = {
            "TALON__LISTEN": f"fd:{descriptor}",
            "TALON__ADMIN": f"unix:{self.admin}",
            "TALON__STORE": store,
            "TALON__WORKER": str(self.slot),
        }
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env={**os.environ, **own},
            pass_fds=(descriptor,),
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        async with asyncio.timeout(READY):
            while self.running:
                if await self.answers():
                    return True
                await asyncio.sleep(0.05)
        return False

    async def answers(self) -> bool:
        """Whether its admin API answers."""
        if not self.admin.exists():
            return False
        try:
            async with self.client.get("http://worker/livez") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def wait(self) -> int:
        """Return its exit code when it has ended."""
        assert self._process is not None, "start() comes first"
        code = await self._process.wait()
        if self._client is not None:
            await self._client.close()
        self.admin.unlink(missing_ok=True)
        return code

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, if it is still there."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

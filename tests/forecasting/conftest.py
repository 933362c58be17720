import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def store_url(redis_binary: str, tmp_path: Path) -> Iterator[str]:
    """A real store on a unix socket."""
    path = Path("/tmp") / f"talon-publish-{tmp_path.name[-8:]}-{time.monotonic_ns()}.sock"
    command = [redis_binary, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path) as server:
        deadline = time.monotonic() + 10
        while not _accepts(path):
            assert time.monotonic() < deadline, "redis-server did not open its socket"
            assert server.poll() is None
        try:
            yield f"unix://{path}"
        finally:
            server.terminate()
            server.wait(timeout=10)
            path.unlink(missing_ok=True)


def _accepts(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False

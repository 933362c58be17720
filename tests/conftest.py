"""Fixtures that every part of the tests may use."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from talon.demo.stage import free_port

__all__ = ["free_port", "require", "running_store", "until"]


def require(binary: str, package: str) -> str:
    """Return the path of a server binary, or fail with the sentence that says how to get it."""
    path = shutil.which(binary) or shutil.which(binary, path="/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        pytest.fail(
            f"{binary} is not installed; get it with `apt-get install {package}` or `make system`", pytrace=False
        )
    return path


async def until(predicate: Callable[[], object], deadline: float = 10.0, what: str = "") -> None:
    """Wait until the predicate is true; fails with `what` when the deadline passes."""
    end = time.monotonic() + deadline
    while not predicate():
        if time.monotonic() > end:
            pytest.fail(f"not within {deadline} s: {what or predicate}")
        await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """The real redis-server of the system."""
    return require("redis-server", "redis-server")


@pytest.fixture(scope="session")
def short_tmp() -> Iterator[Path]:
    """A temporary folder with a path short enough for unix sockets."""
    folder = Path(f"/tmp/talon-{os.getpid()}")
    folder.mkdir(exist_ok=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def running_store(folder: Path, binary: str | None = None) -> AsyncIterator[str]:
    """A real store server in `folder`; gives its URL and ends it afterwards."""
    from gateway.store.embedded import EmbeddedStore

    store = EmbeddedStore(folder, binary)
    await store.start()
    try:
        yield store.url
    finally:
        await store.stop()

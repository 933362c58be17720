"""The embedded server: started, adopted, kept alive, stopped, and explained when it cannot run."""

import asyncio
import itertools
import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from gateway.errors import ConfigError
from gateway.store.connect import connect
from gateway.store.embedded import MAX_SOCKET_PATH, EmbeddedStore, find_server, socket_path
from tests.conftest import until

_folders = itertools.count()


@pytest.fixture
def folder(short_tmp: Path) -> Path:
    return short_tmp / f"embedded{next(_folders)}"


@pytest.fixture
def obstructed(folder: Path) -> Path:
    """A data folder in which the server's own folder cannot be made."""
    folder.mkdir(parents=True)
    (folder / "appendonlydir").write_text("in the way")
    return folder


async def test_it_answers_when_it_has_started_and_leaves_nothing(folder: Path) -> None:
    """After `start` the server answers; after `stop` its process is gone, its files are there."""
    store = EmbeddedStore(folder)
    await store.start()
    pid = store.pid
    assert pid is not None
    client = connect(store.url)
    assert await client.ping()
    await client.aclose()
    await store.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (folder / "store.log").exists()
    await store.stop()


async def test_a_second_one_adopts_the_first(folder: Path) -> None:
    """A gateway that finds a server on its socket uses it, and does not stop what it did not start."""
    first, second = EmbeddedStore(folder), EmbeddedStore(folder)
    await first.start()
    try:
        await second.start()
        assert second.pid is None
        await second.stop()
        client = connect(first.url)
        assert await client.ping()
        await client.aclose()
    finally:
        await first.stop()


async def first_answer(socket: Path) -> object:
    """Ask for `a` until the server answers, a few seconds at most."""
    patient = Redis(unix_socket_path=str(socket), socket_timeout=2.0, retry=Retry(ConstantBackoff(0.02), 200))
    try:
        return await patient.get("a")
    finally:
        await patient.aclose()


async def test_a_killed_server_is_started_again(folder: Path) -> None:
    """`keep` notices the end of the child, counts it, and brings the server back on the same files."""
    store, restarts = EmbeddedStore(folder), []
    await store.start()
    client = connect(store.url)
    await client.set("a", "1")
    keeping = asyncio.create_task(store.keep(lambda: restarts.append(1)))
    try:
        before = store.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        await until(lambda: store.pid not in (before, None) and store.restarts == 1, 10, "started again")
        again = await first_answer(store.socket)
        assert again == b"1"
        assert restarts == [1]
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await client.aclose()
        await store.stop()


async def test_a_server_that_cannot_start_says_why(obstructed: Path) -> None:
    """When the child ends at once, the error quotes its log."""
    with pytest.raises(ConfigError, match=r"store: embedded server ended at once; .*store\.log says: "):
        await EmbeddedStore(obstructed).start()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the place of the data folder is one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"data_dir: .*file"):
        await EmbeddedStore(tmp_path / "file" / "store").start()


def test_long_folders_get_a_short_socket(tmp_path: Path) -> None:
    """A socket's path has a limit of the system; long folders use the temporary one, each its own."""
    near, far = tmp_path / "a", tmp_path / ("a" * 120)
    assert socket_path(near).parent == near or len(str(near)) > MAX_SOCKET_PATH - 12
    assert len(str(socket_path(far))) <= MAX_SOCKET_PATH
    assert socket_path(far) == socket_path(far) != socket_path(far / "b")


def test_a_server_is_found() -> None:
    """The bundled server, or one on PATH, can be run here."""
    assert os.access(find_server(), os.X_OK)

"""Fixtures of the integration tests: a portal of real processes, ended after each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.portal import Gateway, Portal, opened_portal
from tests.integration.processes import Child, wait_for
from tests.integration.store_servers import Servers


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where modules must not be compiled beside their source, children share a folder, or each start takes a second."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("PYTHONDONTWRITEBYTECODE"):
            patch.delenv("PYTHONDONTWRITEBYTECODE")
            patch.setenv("PYTHONPYCACHEPREFIX", str(folder))
        yield folder


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A folder in which backends and gateways can be started."""
    with opened_portal() as opened:
        yield opened


@pytest.fixture
def gateway(portal: Portal) -> Gateway:
    """A gateway in front of a small backend; its room is paused until the test says otherwise."""
    return portal.start_paused()


@pytest.fixture
def servers(redis_binary: str, short_tmp: Path, request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Starts redis-server processes for one test and ends them."""
    running = Servers(redis_binary, short_tmp / request.node.name)
    yield running
    running.end()


@pytest.fixture
def redis(portal: Portal, redis_binary: str) -> Child:
    """Debian's own redis-server, in memory only."""
    socket = portal.folder / "redis.sock"
    options = ("--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "no")
    child = portal.children.start("redis", redis_binary, *options)
    wait_for(socket.exists, 10.0, "redis-server listens")
    return child

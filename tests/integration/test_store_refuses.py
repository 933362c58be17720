"""A store that is there and refuses: read-only, out of memory, disk full. Nobody loses a place or a pass."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.integration.order import in_order, let_in, places
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import Child, wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of a process that runs")
IGNORE = "import os, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
Trouble = Callable[[Redis, Child], Iterator[None]]


def read_only(client: Redis, server: Child) -> Iterator[None]:
    """The server becomes the replica of a master that is not there."""
    client.replicaof("127.0.0.1", 1)
    yield
    client.replicaof("NO", "ONE")


def out_of_memory(client: Redis, server: Child) -> Iterator[None]:
    """More is stored than may be."""
    client.config_set("maxmemory", "1")
    yield
    client.config_set("maxmemory", "0")


def disk_full(client: Redis, server: Child) -> Iterator[None]:
    """The log on disk cannot grow any more."""
    log = sum(part.stat().st_size for part in Path(client.config_get("dir")["dir"]).rglob("*.aof"))
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (max(1, log), hard))
    yield
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture
def store(portal: Portal, redis_binary: str) -> Child:
    """A Redis with its log on disk, which survives a write that its limit forbids."""
    socket = portal.folder / "redis.sock"
    options = ("--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "yes", "--dir", portal.folder)
    child = portal.children.start("redis", sys.executable, "-c", IGNORE, redis_binary, *options)
    wait_for(socket.exists, 10.0, "redis-server listens")
    return child


@pytest.fixture
def gateway(portal: Portal, store: Child) -> Gateway:
    """A gateway on that store, with a backend that has room."""
    portal.start_backend("--workers", 2, "--service-time", "20ms")
    return portal.start_gateway(portal.config(store=f"unix://{portal.folder / 'redis.sock'}"))


@pytest.mark.parametrize("trouble", [read_only, out_of_memory, pytest.param(disk_full, marks=LINUX)])
def test_a_store_that_refuses_takes_nobodys_place(
    portal: Portal, gateway: Gateway, store: Child, trouble: Trouble
) -> None:
    """Passes and express classes go on, who waits is told to come back, and places are as before afterwards."""
    gateway.control("rate", 50.0)
    inside = gateway.inside(2)
    gateway.control("pause")
    crowd = gateway.crowd(4)
    before = places(crowd)
    with Redis(unix_socket_path=str(portal.folder / "redis.sock"), decode_responses=True) as client:
        with contextmanager(trouble)(client, store):
            wait_for(lambda: gateway.metric("talon_store_up") == 0.0, 15.0, "the gateway sees that the store refuses")
            assert {visitor.ask("/doctors/1/slots").status for visitor in inside} == {200}
            assert ask(gateway.visitors, "/healthz").status == 200
            answers = [visitor.ask() for visitor in [*crowd, Visitor(gateway.visitors)]]
            assert {(answer.status, answer.json()["code"]) for answer in answers} == {(503, "store_down")}
        wait_for(lambda: gateway.metric("talon_store_up") == 1.0, 15.0, "the store takes writes again")
    assert places(crowd) == before
    gateway.control("rate", 20.0)
    assert in_order(let_in(crowd))

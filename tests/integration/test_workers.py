"""`talon serve --workers`: several processes on one address, of which each may be lost or replaced."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.portal import Gateway, Portal, announced
from tests.integration.processes import wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration


@pytest.fixture
def pair(portal: Portal) -> Gateway:
    """Two workers in front of a backend, with a room."""
    portal.start_backend("--workers", 8, "--service-time", "30ms")
    child = portal.children.talon("gateway", "serve", "--config", portal.config(), "--workers", 2)
    portal.await_backends()
    gateway = announced(child)
    wait_for(gateway.nodes_up, 5.0, "all nodes are up")
    return gateway


def workers_of(gateway: Gateway) -> list[int]:
    """The process ids of the workers, not that of the store."""
    found = []
    for child in psutil.Process(gateway.child.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if "serve" in child.cmdline():
                found.append(child.pid)
    return sorted(found)


def ports_of(pids: list[int]) -> set[int]:
    """The visitors' ports of the connections that these processes have accepted."""
    found = (connection for pid in pids for connection in psutil.Process(pid).net_connections("tcp"))
    return {connection.raddr.port for connection in found if connection.raddr}


@contextlib.contextmanager
def visited(gateway: Gateway) -> Iterator[Callable[[], tuple[int, list[str]]]]:
    """Let somebody ask all the time, each time on a new connection; tells how often, and what went wrong."""
    asked, wrong, over = [0], list[str](), threading.Event()

    def go_on() -> None:
        while not over.is_set():
            try:
                status = ask(gateway.visitors, "/healthz").status
                asked[0] += 1
                if status != 200:
                    wrong.append(str(status))
            except OSError as error:
                wrong.append(repr(error))

    threads = [threading.Thread(target=go_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: (asked[0], wrong)
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


def test_one_address_one_room_and_one_sum_of_metrics(pair: Gateway) -> None:
    """Visitors get in and book whichever worker they meet, both serve, and metrics count what all of them did."""
    assert len(workers_of(pair)) == 2
    pair.control("rate", 50.0)
    for _ in range(4):
        visitor = Visitor(pair.visitors)
        visitor.get_in()
        visitor.book()
    for _ in range(40):
        assert ask(pair.visitors, "/healthz").status == 200
    assert pair.metric("talon_requests_total", **{"class": "health"}) == 40
    seen = {child.pid: child.cpu_times().user for child in psutil.Process(pair.child.pid).children()}
    assert len(seen) == 3, "two workers and the store"


def test_access_logs_of_all_workers_come_out(portal: Portal) -> None:
    """With `access_log: "-"` every request has its line on standard output, whichever worker it met."""
    portal.start_backend("--workers", 8, "--service-time", "1ms")
    config = portal.config(access_log="-")
    child = portal.children.talon("gateway", "serve", "--config", config, "--workers", 2)
    gateway = announced(child)
    wait_for(gateway.nodes_up, 5.0, "all nodes are up")
    for _ in range(30):
        assert ask(gateway.visitors, "/healthz").status == 200
    wait_for(lambda: child.out.count('"path":"/healthz"') == 30, 5.0, "all lines are there")
    assert child.out.count("visitors http") == 1, "workers do not say where they are"


def test_a_killed_worker_loses_only_what_was_open_in_it(pair: Gateway) -> None:
    """The other goes on, who is connecting waits for the next one, which is there in a moment."""
    slow = {number: socket.create_connection(tuple(pair.visitors.rsplit(":", 1))) for number in range(16)}
    for sock in slow.values():
        sock.settimeout(15)
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")
    first, second = workers_of(pair)
    own = ports_of([second])
    with visited(pair) as so_far:
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: len(workers_of(pair)) == 2 and first not in workers_of(pair), 15.0, "another one is there")
        before = so_far()[0]
        wait_for(lambda: so_far()[0] > before + 50, 10.0, "requests go on")
        wrong = so_far()[1]
    assert len(wrong) <= 4, "at most what was open in the killed one"
    for sock in slow.values():
        port = sock.getsockname()[1]
        if port in own:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200"), "the other worker's connections are whole"
        sock.close()
    assert "worker_ended" in pair.child.err


def test_a_reload_refuses_nobody(pair: Gateway, portal: Portal) -> None:
    """SIGHUP replaces all workers one after the other under load, and the new ones have read the file anew."""
    before = workers_of(pair)
    with visited(pair) as so_far:
        portal.config(rooms={"booking": {"paths": ["/doctors", "/bookings"], "message": "closed on Friday"}})
        pair.child.process.send_signal(signal.SIGHUP)
        wait_for(lambda: '"event":"reloaded"' in pair.child.err, 40.0, "all are replaced")
        wait_for(lambda: len(workers_of(pair)) == 2, 20.0, "the old ones have drained")
        asked, wrong = so_far()
    assert not set(before) & set(workers_of(pair))
    assert wrong == []
    assert asked > 100
    pair.control("pause")
    told = (ask(pair.visitors, "/doctors", Accept="text/html").body for _ in iter(int, 1))
    wait_for(lambda: b"closed on Friday" in next(told), 5.0, "every worker follows")


def test_a_bad_file_replaces_nobody(pair: Gateway, portal: Portal) -> None:
    """A configuration that is not valid is told, and the workers stay."""
    before = workers_of(pair)
    (portal.folder / "talon.yaml").write_text("listen: nowhere\n")
    pair.child.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload_refused" in pair.child.err, 10.0, "it is refused")
    assert workers_of(pair) == before
    assert ask(pair.visitors, "/healthz").status == 200


def test_all_end_with_their_supervisor(pair: Gateway, portal: Portal) -> None:
    """SIGTERM answers what is open and leaves nothing behind; a killed supervisor takes its workers along."""
    pids = workers_of(pair)
    with socket.create_connection(tuple(pair.visitors.rsplit(":", 1)), timeout=15) as sock:
        sock.sendall(b"POST /callbacks/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        busy = {sock.getsockname()[1]}
        wait_for(lambda: busy & ports_of(pids), 5.0, "a worker has it")
        pair.child.process.terminate()
        wait_for(lambda: pair.child.err.count("draining") == 2, 10.0, "both drain")
        sock.sendall(b"}")
        assert sock.recv(65536).startswith(b"HTTP/1.1 ")
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 20.0, "all have ended")
    assert pair.child.process.wait(10) == 0
    again = announced(portal.children.talon("again", "serve", "--config", portal.folder / "talon.yaml", "--workers", 2))
    pids = workers_of(again)
    again.child.process.kill()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 20.0, "the workers have noticed")


def test_a_worker_that_cannot_start_is_told(portal: Portal, tmp_path: Path) -> None:
    """One line says why, the code is 2, and nothing is left running."""
    (tmp_path / "keys").write_text("rubbish")
    config = portal.config(pools={"primary": {"nodes": ["http://127.0.0.1:9"]}}, secrets_file=str(tmp_path / "keys"))
    child = portal.children.talon("gateway", "serve", "--config", config, "--workers", 2)
    wait_for(lambda: child.process.poll() is not None, 40.0, "it ends")
    assert child.process.returncode == 2
    assert "worker 0 did not start" in child.err
    assert "Traceback" not in child.err

"""The demo as a newcomer runs it: it can be stopped at any moment, and it ends by itself with its table."""

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.integration.portal import Portal
from tests.integration.processes import gone, talon, wait_for

pytestmark = pytest.mark.integration


@pytest.mark.slow
def test_ctrl_c_in_the_first_peak_leaves_nothing(portal: Portal) -> None:
    """SIGINT in the middle of a peak ends the demo within 12 s with code 130: no process and no file is left."""
    order = ("demo", "--port", free_port(neighbours=1), "--minutes", 2, "--headless")
    child = portal.children.talon("demo", *order, environ={"TMPDIR": str(portal.folder)})
    child.announces(r"s  came +\d+", deadline=60.0)
    family = child.family()
    assert len(family) > 2, "the demo, its visitors and a backend"
    child.signal(signal.SIGINT)
    assert child.ends(12.0) == 130
    wait_for(lambda: gone(family), 1.0, "all children have ended")
    assert list(portal.folder.glob("talon-demo-*")) == []
    assert child.err.splitlines()[-1] == "stopped; nothing is left running"
    assert "Traceback" not in child.err


def test_a_port_in_use_is_said_before_anything_is_trained() -> None:
    """Whether the visitors' or the operators' port is taken: one line, code 2, at once."""
    port = free_port(neighbours=1)
    for taken in (port, port + 1):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", taken))
            other.listen()
            done = talon("demo", "--port", port, "--headless", deadline=15.0)
        assert (done.code, done.out) == (2, "")
        assert done.err.count("\n") == 1
        assert f"127.0.0.1:{taken} is in use" in done.err


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_demo_ends_by_itself_with_its_table(portal: Portal, tmp_path: Path) -> None:
    """The shortest demo ends with 0 and the table of the same morning without and with the gateway."""
    out = tmp_path / "demo.json"
    order = ("demo", "--port", free_port(neighbours=1), "--minutes", 1.4, "--headless", "--out", out)
    child = portal.children.talon("demo", *order, environ={"TMPDIR": str(portal.folder)})
    assert child.ends(180.0) == 0, child.err
    for row in ("visits booked", "errors per visit", "admitted, then sent back to wait", "backup"):
        assert row in child.out
    figures = json.loads(out.read_text())
    direct, through = figures["direct"], figures["talon"]
    assert through["booked"] > 2 * direct["booked"]
    assert through["sent_back"] == 0
    assert through["double_bookings"] == 0
    assert list(portal.folder.glob("talon-demo-*")) == []

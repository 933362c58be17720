"""A command that is killed leaves no process of its pool behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.integration.processes import wait_for

SCRIPT = """
import sys, time
from forecasting.pools import process_pool

if __name__ == "__main__":
    with process_pool(2) as pool:
        waiting = [pool.submit(time.sleep, 60) for _ in range(2)]
        print("working", flush=True)
        for one in waiting:
            one.result()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_processes_of_a_pool_end_with_the_one_that_began_them(tmp_path: Path, number: signal.Signals) -> None:
    """Killed, or ended by a signal that nobody handles: within seconds nothing of it runs any more."""
    (tmp_path / "work.py").write_text(SCRIPT)
    with subprocess.Popen([sys.executable, tmp_path / "work.py"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        children = psutil.Process(process.pid).children(recursive=True)
        deadline = time.monotonic() + 10
        while sum("spawn_main" in " ".join(child.cmdline()) for child in children) < 2:
            assert time.monotonic() < deadline
            children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        process.wait(10)
    _, left = psutil.wait_procs(children, timeout=10)
    wait_for(lambda: not any(child.is_running() for child in left), 5.0, "no child is left")

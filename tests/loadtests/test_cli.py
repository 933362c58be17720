"""The two commands as their users meet them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from loadtests.__main__ import build_commands

COMMAND = [sys.executable, "-m", "loadtests"]


@contextmanager
def backend(folder: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A backend process on a free port, with its address."""
    command = [*COMMAND, "backend", "--listen", "127.0.0.1:0", "--service-time", "5ms", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(folder)}
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().split()[2].rstrip(":")
        finally:
            process.terminate()
            process.wait(10)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["backend", "--workers", "0"], "--workers: expected at least 1"),
        (["backend", "--service-time", "40"], "--service-time: expected a duration"),
        (["backend", "--listen", "9001"], "--listen: expected HOST:PORT"),
        (["backend", "--fault", "bad"], "--fault: kind: expected one of"),
        (["backend", "--listen", "127.0.0.1:0", "--doctors", "0"], "--doctors"),
        (["backend", "--listen", "127.0.0.1:0", "--inventory", "pyproject.toml"], "cannot be used as an sqlite file"),
        (["loadtest", "nothing", "--visits-per-second", "1"], "PROFILE: expected one of morning-peak"),
        (["loadtest", "--peak", "2", "--visits-per-second", "1"], "at most one of them"),
        (["loadtest", "curve"], "PROFILE: curve needs --curve FILE"),
        (["loadtest", "--curve", "none.csv"], "none.csv: cannot be read"),
        (["loadtest", "--target", "localhost"], "--target: expected an address"),
        (["loadtest", "--target", "http://127.0.0.1:9"], "--target: nothing answers"),
        (["loadtest", "--minutes", "0"], "--minutes: expected a number above 0"),
        (["loadtest", "--json", "no/such/folder/x.json"], "--json: no/such/folder/x.json cannot be written"),
        (["loadtest", "--browsers", "3"], "--browsers"),
    ],
)
def test_what_the_user_got_wrong_is_one_line_and_exit_2(arguments: list[str], expected: str) -> None:
    """One sentence on stderr, exit code 2, no traceback."""
    result = CliRunner().invoke(build_commands(), arguments)
    assert result.exit_code == 2, result.stderr
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_port_in_use_is_said() -> None:
    """The second backend on one port names the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("backend", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 2
    assert "is in use; choose another port" in result.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_backend_ends_on_a_signal_and_leaves_nothing(tmp_path: Path, signum: int) -> None:
    """SIGTERM and SIGINT close it with exit code 0, and its private inventory is gone."""
    with backend(tmp_path) as (process, _):
        assert list(tmp_path.iterdir())
        process.send_signal(signum)
        assert process.wait(10) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_load_test_takes_the_capacity_from_the_backend_and_writes_its_report(tmp_path: Path) -> None:
    """--peak means times the capacity; progress as JSON goes to stdout, the summary to stderr."""
    report = tmp_path / "report.json"
    with backend(tmp_path, "--workers", "1") as (_, address):
        result = run(
            *("loadtest", "steady", "--target", address, "--peak", "0.5", "--minutes", "0.03"),
            *("--think", "0ms-100ms", "--json", str(report), "--progress", "json"),
        )
    assert result.returncode == 0, result.stderr
    facts = orjson.loads(report.read_bytes())
    last = orjson.loads(result.stdout.splitlines()[-1])
    assert last["last"]
    assert last["booked"] == facts["booked"] == facts["started"]
    assert 20 < facts["started"] < 80
    assert "booked" in result.stderr

"""wrk as the load of a bench: keep-alive connections from another core, a ticket cookie per request where wanted."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

_SCRIPT = """
local tickets = {}
for line in io.lines("%s") do tickets[#tickets + 1] = line end
local turn = 0
request = function()
  turn = turn %% #tickets + 1
  return wrk.format("GET", nil, {["Cookie"] = "talon_lang=ru; talon_ticket=" .. tickets[turn]})
end
"""

_VARIED = """
local turn = 0
request = function()
  turn = turn %% 997 + 1
  wrk.headers["Referer"] = "http://portal.example/doctors/" .. turn
  wrk.headers["X-Trace"] = "t" .. turn * 7919
  return wrk.format("GET", "%s?turn=" .. turn)
end
"""
"""Every request with another target and other fields than the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run of wrk did to a server: answers, and the server's own seconds of processor for them."""

    answers: int
    failed: int
    seconds: float
    cpu: float
    p50: float = 0.0

    @property
    def per_core(self) -> float:
        """Answers that a whole core would give in a second: by the server's accounting, whoever limits the run."""
        return self.answers / self.cpu

    @property
    def microseconds(self) -> float:
        """The server's processor time per answer."""
        return self.cpu / self.answers * 1e6


def pinned(core: int, *command: object) -> list[str]:
    """Return the command that runs on one core, the first (0) or the last (-1) at hand, where one can choose."""
    words = [str(word) for word in command]
    if shutil.which("taskset") is None:
        return words
    return ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[core]), *words]


def poll(url: str, server: int, *, seconds: float = 3.0, connections: int = 32, tickets: Sequence[str] = ()) -> Load:
    """Ask `url` as fast as it answers and measure the process `server`."""
    binary = shutil.which("wrk")
    if binary is None:
        raise FileNotFoundError("wrk is not installed; get it with `apt-get install wrk` or `make system`")
    command = pinned(-1, binary, "-t1", f"-c{connections}", f"-d{seconds:g}s", url)
    process = psutil.Process(server)
    with tempfile.TemporaryDirectory(prefix="talon-wrk-") as folder:
        if tickets:
            listed, script = Path(folder) / "tickets", Path(folder) / "poll.lua"
            listed.write_text("\n".join(tickets))
            script.write_text(_SCRIPT % listed)
            command += ["-s", str(script)]
        before = process.cpu_times()
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
        after = process.cpu_times()
    return _load(done.stdout, cpu=after.user - before.user + after.system - before.system)


def hit(
    url: str,
    processes: Callable[[], Sequence[int]],
    *,
    seconds: float = 2.0,
    connections: int = 64,
    fields: Sequence[str] = (),
    core: int = -1,
    varied: bool = False,
) -> Load:
    """Ask `url` with these header fields as fast as it answers; the processor time of `processes` is measured.

    With `varied` no request is like the one before.
    """
    binary = shutil.which("wrk")
    if binary is None:
        raise FileNotFoundError("wrk is not installed; get it with `apt-get install wrk` or `make system`")
    options = [word for one in fields for word in ("-H", one)]
    command = pinned(core, binary, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", *options, url)
    with tempfile.TemporaryDirectory(prefix="talon-wrk-") as folder:
        if varied:
            script = Path(folder) / "varied.lua"
            script.write_text(_VARIED % urlsplit(url).path)
            command += ["-s", str(script)]
        before = on_cpu(processes())
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
        return _load(done.stdout, cpu=on_cpu(processes()) - before)


def on_cpu(processes: Sequence[int]) -> float:
    """Return the seconds that all threads of these processes have been on a processor, kernel time included."""
    total = 0
    for pid in processes:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _load(said: str, cpu: float) -> Load:
    count = re.search(r"(\d+) requests in ([\d.]+)(m?s)", said)
    assert count is not None, said
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    failed = int(other[1]) if other else 0
    failed += sum(int(number) for number in errors.groups()) if errors else 0
    seconds = float(count[2]) / (1000 if count[3] == "ms" else 1)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", said)
    p50 = float(middle[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[middle[2]] if middle else 0.0
    return Load(answers=int(count[1]), failed=failed, seconds=seconds, cpu=cpu, p50=p50)

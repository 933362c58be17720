"""Child processes of the tests: output in files, ended by their own ids, nothing left behind."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from gateway.store.embedded import die_with_parent
from talon.cli import main

START_DEADLINE = 20.0
STOP_DEADLINE = 10.0
PAUSE = 0.02
TALON = (sys.executable, "-m", "talon")


def wait_for(predicate: Callable[[], object], deadline: float = 10.0, what: str = "") -> float:
    """Return the seconds until the predicate was true; fails with `what` when the deadline passes."""
    started = time.monotonic()
    while not predicate():
        if time.monotonic() - started > deadline:
            pytest.fail(f"not within {deadline:g} s: {what or predicate}")
        time.sleep(PAUSE)
    return time.monotonic() - started


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def run(*command: object, deadline: float = 60.0, cwd: Path | None = None, stdin: str = "") -> Finished:
    """Run a command to its end, with wide output so that nothing is wrapped."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=deadline,
        cwd=cwd,
        input=stdin,
        env=environment(),
        check=False,
    )
    return Finished(code=done.returncode, out=done.stdout, err=done.stderr)


def talon(*arguments: object, deadline: float = 60.0, cwd: Path | None = None) -> Finished:
    """Run `talon ...` to its end."""
    return run(*TALON, *arguments, deadline=deadline, cwd=cwd)


def talon_here(*arguments: object) -> Finished:
    """Run `talon ...` in this process, for commands that start no server: what a child says, without its start."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        main([str(word) for word in arguments])
    assert isinstance(end.value.code, int)
    return Finished(code=end.value.code, out=out.getvalue(), err=err.getvalue())


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: the test's own, a wide terminal, and no settings of a gateway."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("TALON__")}
    return {**own, "COLUMNS": "200", "NO_COLOR": "1", **(changes or {})}


def _as_from_a_terminal() -> None:
    """In a child before it begins: Ctrl-C ends it, even if the test runner ignores that, and so does the test's end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        die_with_parent()


class Child:
    """A process that goes on until it is ended; its output is in two files."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", out: Path, err: Path) -> None:
        self.name = name
        self.process = process
        self._out = out
        self._err = err

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def out(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def err(self) -> str:
        return self._err.read_text(errors="replace")

    def announces(self, pattern: str, deadline: float = START_DEADLINE) -> re.Match[str]:
        """Wait until the child's standard output matches; fails with its words when it ends first."""
        found: list[re.Match[str]] = []

        def looked() -> bool:
            found.extend(re.finditer(pattern, self.out))
            return bool(found) or self.process.poll() is not None

        wait_for(looked, deadline, f"{self.name} says {pattern!r}; it said {self.out!r} {self.err!r}")
        if not found:
            pytest.fail(f"{self.name} ended with code {self.process.returncode}: {self.err or self.out}")
        return found[0]

    def family(self) -> list[psutil.Process]:
        """The child and all that it has started, as long as it lives."""
        own = psutil.Process(self.pid)
        return [own, *own.children(recursive=True)]

    def grandchild(self, name: str) -> psutil.Process:
        """The process started by the child whose command contains `name`."""
        return next(p for p in self.family()[1:] if name in " ".join(p.cmdline()))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone; what it started is not touched."""
        self.process.kill()
        self.process.wait(STOP_DEADLINE)

    def ends(self, deadline: float = STOP_DEADLINE) -> int:
        """Wait for the child's own end and return its exit code."""
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.name} did not end within {deadline:g} s; it said {self.err[-2000:]!r}")


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of the processes runs any more."""
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes if _there(p))


def _there(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status())
    return False


class Children:
    """Starts children in `folder` and ends them and what they have started, last first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all: list[Child] = []

    def start(self, name: str, *command: object, environ: Mapping[str, str] | None = None) -> Child:
        out, err = (self.folder / f"{len(self._all)}-{name}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                cwd=self.folder,
                env=environment(environ),
                start_new_session=True,
                preexec_fn=_as_from_a_terminal,
            )
        child = Child(name, process, out, err)
        self._all.append(child)
        return child

    def talon(self, name: str, *arguments: object, environ: Mapping[str, str] | None = None) -> Child:
        """Start `talon ...`."""
        return self.start(name, *TALON, *arguments, environ=environ)

    def named(self, name: str, which: int = 0) -> Child:
        """The children started under a name, in the order of their start."""
        return [child for child in self._all if child.name == name][which]

    def end(self) -> None:
        """End all; a child that does not obey is killed, and so is what it has started."""
        for child in reversed(self._all):
            if child.process.poll() is None:
                family = child.family()
                child.signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(STOP_DEADLINE)
                for left in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        left.kill()
                child.process.wait(STOP_DEADLINE)
        self._all.clear()

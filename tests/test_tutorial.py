"""Runs the tutorial as a newcomer would: its marked blocks in order, in one folder, with real processes.

`run` is run to its end, `start` goes on in the background until its address answers, `file` is saved, and `shows` must
match what the block before it printed, `...` standing for anything.
"""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import free_port, require, until

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(r"^<!-- (run|start|file|shows)(?:: (.+?))? -->\n```\w*\n(.*?)^```$", re.M | re.S)


class Terminal:
    """Runs commands in a folder with the project's own `talon` first on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[subprocess.Popen[bytes]] = []
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TALON__")}
        self.environment = {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "COLUMNS": "200"}

    def run(self, body: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", body], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{body}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, body: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"child{len(self.children)}.log").open("wb") as log:
            child = subprocess.Popen(
                ["bash", "-c", f"exec {body.strip()}"], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        self.children.append(child)
        return child

    def end(self) -> list[int]:
        """Stop the children, last first, and return their exit codes."""
        codes = []
        for child in reversed(self.children):
            child.terminate()
            try:
                codes.append(child.wait(timeout=30))
            except subprocess.TimeoutExpired:
                child.kill()
                codes.append(child.wait())
        return codes


@asynccontextmanager
async def terminal(folder: Path) -> AsyncIterator[Terminal]:
    """A terminal whose children end with it."""
    opened = Terminal(folder)
    try:
        yield opened
    finally:
        opened.end()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def matches(pattern: str, output: str) -> bool:
    parts = [re.escape(part) for part in pattern.strip().split("...")]
    text = "\n".join(line.rstrip() for line in output.splitlines()).strip()
    return re.fullmatch(".*".join(parts), text, re.S) is not None


def with_ports(text: str) -> str:
    for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text))):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    return text


def test_what_is_shown_is_compared() -> None:
    """`...` stands for anything, all else must be there."""
    assert matches("a\n...\nb [1...", "a \nx\ny\nb [1, 2]\n")
    assert not matches("a\n...\nc", "a\nx\nb\n")


@pytest.mark.slow
@pytest.mark.integration
async def test_the_tutorial_works_as_written(short_tmp: Path) -> None:
    """From the configuration to the published plan each marked block runs and shows what it says."""
    require("curl", "curl")
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = MARK.findall(with_ports(text))
    assert [kind for kind, _, _ in blocks].count("start") == 2
    folder = short_tmp / "tutorial"
    folder.mkdir()
    (folder / "forecasting").symlink_to(ROOT / "forecasting")
    output = ""
    async with terminal(folder) as shell:
        for kind, word, body in blocks:
            if kind == "run":
                output = shell.run(body)
            elif kind == "file":
                (folder / word).write_text(body, encoding="utf-8")
            elif kind == "shows":
                assert matches(body, output), f"expected:\n{body}\nfound:\n{output}"
            else:
                child = shell.start(body)
                await until(lambda url=word: answers(url), 20.0, f"{body} does not answer at {word}")  # type: ignore[misc]
                assert child.poll() is None
        assert shell.end() == [0, 0]

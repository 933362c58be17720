"""The command line as a whole: help that shows how, and usage errors in one line."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from talon.cli import app, main

ROOT = Path(__file__).parent.parent
GROUP = typer.main.get_command(app)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that name it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(GROUP))


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run `talon` in this process: exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, said.out, said.err


def test_the_contracts_commands_are_there() -> None:
    """Every command that the contract names and this version has exists under its name."""
    forecast = {("forecast", name) for name in ("ingest", "fit", "backtest", "predict", "publish", "plot")}
    plain = {"demo", "serve", "check-config", "config-schema", "explain", "status", "backend", "loadtest"}
    assert {*forecast, *((name,) for name in plain)} <= set(COMMANDS)


def test_a_certificate_that_cannot_be_used_is_no_valid_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is found before a start or a reload would find it, for visitors and for nodes."""
    (tmp_path / "none.pem").write_text("nothing")
    wrong = f"{{certificate: {tmp_path / 'none.pem'}, key: {tmp_path / 'none.pem'}}}"
    nodes = "pools: {primary: {nodes: ['https://127.0.0.1:1'], tls: {ca: /nowhere.pem}}}"
    for text, says in (
        (f"tls: {wrong}\npools: {{primary: {{nodes: ['http://127.0.0.1:1']}}}}", "tls.certificate: "),
        (nodes, "pools.primary.tls: "),
    ):
        (tmp_path / "talon.yaml").write_text(text)
        code, out, err = ended(capsys, "check-config", str(tmp_path / "talon.yaml"))
        assert (code, out) == (2, "")
        assert err.startswith(f"talon: {says}")


@pytest.mark.parametrize("path", [(), ("forecast",), *COMMANDS], ids=" ".join)
def test_help_works_everywhere(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` ends with 0, says something on standard output and nothing on standard error."""
    code, out, err = ended(capsys, *path, "--help")
    assert (code, err) == (0, "")
    assert " ".join(("Usage: talon", *path)) in out
    if path in COMMANDS:
        assert "Example:" in out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_example_in_the_help_is_a_command_line_that_is_understood(path: tuple[str, ...]) -> None:
    """The example of each command begins with its name, and its options and arguments exist."""
    text = COMMANDS[path].help
    example = shlex.split(re.search(r"Example:\s*(talon .*)", text)[1].partition(" > ")[0])
    assert tuple(example[1 : len(path) + 1]) == path
    with COMMANDS[path].make_context("talon", example[len(path) + 1 :]) as context:
        assert context.params is not None


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "retrain").iterdir()), ids=lambda path: path.name)
def test_the_examples_of_timers_call_commands_that_are_understood(path: Path) -> None:
    """systemd, cron and Kubernetes: every command line in them has options that exist."""
    text = path.read_text().replace("\\\n", " ")
    lines = re.findall(r"talon (forecast .*)", re.sub(r"#.*", "", text))
    if path.suffix == ".yaml":
        job = yaml.safe_load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        lines = [" ".join([*job["command"][1:], *job["args"]])]
    assert lines or path.suffix == ".timer"
    for line in lines:
        words = shlex.split(line)
        with COMMANDS[words[0], words[1]].make_context("talon", words[2:]) as context:
            assert context.params["issued"] is not None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("serve --bad", "talon: No such option: --bad; see talon serve --help"),
        ("serve", "talon: Missing option '--config' / '-c'; see talon serve --help"),
        ("nonsense", "talon: No such command 'nonsense'; see talon --help"),
        ("forecast nonsense", "talon: No such command 'nonsense'; see talon forecast --help"),
        ("check-config", "talon: Missing argument 'file'; see talon check-config --help"),
        ("demo --port eighty", r"talon: Invalid value for '--port': .*integer.*; see talon demo --help"),
        (
            "forecast predict --input x.csv --freq h --output y.csv --horizon 0",
            r"talon: Invalid value for '--horizon': .*greater than or equal to 1; see talon forecast predict --help",
        ),
        ("forecast predict --input x.csv --freq h --output y.csv --horizon day", r"talon: .*'--horizon'.*--help"),
        ("loadtest --progress loud", r"talon: Invalid value for '--progress': .*'plain'.*; see talon loadtest --help"),
        ("status --admin", r"talon: Option '--admin' requires an argument; see talon --help"),
        ("demo --minutes 0.1", r"talon: demo: --minutes: expected 1.\d+ to 60, got 0.1"),
        ("demo --port 70000", r"talon: demo: --port: expected 1 to 65534, got 70000"),
    ],
)
def test_bad_usage_is_one_line_that_names_what_and_where(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad usage ends with 2 and one line on standard error, without a box or a traceback."""
    code, out, err = ended(capsys, *line.split())
    assert (code, out) == (2, "")
    assert re.fullmatch(says.replace("[", r"\["), err.removesuffix("\n")), err


@pytest.mark.parametrize("group", [(), ("forecast",)])
def test_a_group_without_a_command_shows_its_help(group: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """`talon` alone shows what there is; that nothing was done is told by the exit code."""
    code, out, err = ended(capsys, *group)
    assert (code, err) == (2, "")
    assert "Commands" in out


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is interrupted ends with the code that shells expect, without a traceback."""

    def interrupted(admin: str, *, watch: bool, as_json: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("loadtests.cli._told", lambda command: interrupted("", watch=False, as_json=False))
    assert ended(capsys, "backend") == (130, "", "")

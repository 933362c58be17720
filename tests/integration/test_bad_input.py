"""What a user can get wrong: exit code 2, one clear line on standard error, never a traceback."""

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import free_port
from tests.integration.processes import Finished, talon, talon_here

pytestmark = pytest.mark.integration

GOOD: dict[str, Any] = {
    "listen": "127.0.0.1:0",
    "admin": "127.0.0.1:0",
    "pools": {"primary": {"nodes": ["http://127.0.0.1:1"]}},
    "rooms": {"booking": {}},
}


def refused(done: Finished, *parts: str) -> None:
    """The command was refused as promised, and the line holds all `parts`."""
    assert done.code == 2, done
    lines = done.err.splitlines()
    assert len(lines) == 1, lines
    assert "Traceback" not in done.err
    assert done.err.startswith("talon: ")
    for part in parts:
        assert part in lines[0]


def written(folder: Path, **changes: Any) -> Path:
    """A configuration that is good but for `changes`."""
    path = folder / "talon.yaml"
    path.write_text(yaml.safe_dump({**GOOD, "data_dir": str(folder / "data"), **changes}))
    return path


@pytest.fixture
def taken() -> Iterator[str]:
    """An address on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rooom": {}}, ["rooom: there is no such key"]),
        ({"rooms": {"booking": {"headrom": 1}}}, ["rooms.booking.headrom: there is no such key"]),
        ({"rooms": {"booking": {"claim_window": "two minutes"}}}, ["rooms.booking.claim_window", "with a unit", "10s"]),
        ({"rooms": {"booking": {"claim_window": 120}}}, ["rooms.booking.claim_window", "with a unit"]),
        ({"pools": {"primary": {"nodes": ["10.0.0.1"]}}}, ["pools.primary", "http://HOST:PORT", "'10.0.0.1'"]),
        ({"pools": {}}, ["pools", "role primary"]),
        ({"listen": "8080"}, ["listen", "HOST:PORT", "'8080'"]),
        ({"store": "memcached://h"}, ["store", "embedded", "redis://"]),
        ({"time_zone": "Moscow"}, ["time_zone", "Europe/Moscow"]),
    ],
)
def test_a_wrong_key_or_value_is_named_by_its_full_path(
    changes: dict[str, Any], says: list[str], tmp_path: Path
) -> None:
    """check-config names the file, the key with its full path, and what was expected."""
    path = written(tmp_path, **changes)
    refused(talon_here("check-config", path), str(path), *says)


def test_serve_refuses_what_check_config_refuses(tmp_path: Path) -> None:
    """serve does not start with an unknown key, and leaves no files."""
    refused(talon("serve", "--config", written(tmp_path, colour="red")), "colour: there is no such key")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("kind", ["listen", "admin"])
def test_an_address_in_use_is_named(kind: str, taken: str, tmp_path: Path) -> None:
    """An address on which somebody else listens is said with the key that chose it."""
    refused(talon("serve", "--config", written(tmp_path, **{kind: taken})), f"{kind}: {taken} is in use")


def test_an_address_of_another_machine_is_named(tmp_path: Path) -> None:
    """An address that this machine does not have is refused in one line too."""
    refused(talon("serve", "--config", written(tmp_path, listen="192.0.2.1:8080")), "listen", "192.0.2.1:8080")


@pytest.mark.parametrize("command", [("check-config",), ("serve", "--config"), ("explain", "--config")])
def test_a_file_that_cannot_be_read_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    """A missing file and a folder in place of a file are said as such."""
    refused(talon_here(*command, tmp_path / "none.yaml"), "none.yaml: cannot be read: No such file")
    refused(talon_here(*command, tmp_path), f"{tmp_path}: cannot be read: Is a directory")


def test_bad_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    """The line on which the YAML breaks is named."""
    path = tmp_path / "talon.yaml"
    path.write_text("listen: 127.0.0.1:0\nrooms: {booking: [\n")
    refused(talon_here("check-config", path), str(path), "line 3", "not valid YAML")
    path.write_bytes(b"listen: \xff\xfe")
    refused(talon_here("check-config", path), str(path), "not valid YAML")
    path.write_text("- a list\n")
    refused(talon_here("check-config", path), "expected a mapping")


def test_a_wrong_override_in_the_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An override that fits no key is refused by its own name, not lost."""
    monkeypatch.setenv("TALON__LISTN", "127.0.0.1:1")
    refused(talon_here("check-config", written(tmp_path)), "environment TALON__LISTN: there is no key 'listn'")


def test_a_store_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """serve says which store it could not reach."""
    url = f"redis://127.0.0.1:{free_port()}"
    refused(talon("serve", "--config", written(tmp_path, store=url)), "store", url, "does not answer")


@pytest.mark.parametrize("changes", [{}, {"access_log": "file/access.log"}])
def test_a_folder_that_cannot_be_made_is_named(changes: dict[str, str], tmp_path: Path) -> None:
    """A file where a folder should be, for data or for the access log, is said as such."""
    (tmp_path / "file").write_text("")
    key, place = ("access_log", tmp_path / changes["access_log"]) if changes else ("data_dir", tmp_path / "file")
    refused(talon("serve", "--config", written(tmp_path, **{key: str(place)})), f"{key}: {place}", "cannot be")


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("not a key\n", 0o600, ["line 1"]),
        ("", 0o600, ["key"]),
        ("k1:" + "ab" * 32 + "\n", 0o644, ["others may read it", "chmod 600"]),
    ],
)
def test_a_bad_secrets_file_is_named(text: str, mode: int, says: list[str], tmp_path: Path) -> None:
    """Keys that cannot be used are refused with file and line, and never shown."""
    keys = tmp_path / "talon.keys"
    keys.write_text(text)
    keys.chmod(mode)
    done = talon("serve", "--config", written(tmp_path, secrets_file=str(keys)))
    refused(done, str(keys), *says)
    assert "abab" not in done.err


def test_logs_that_give_nothing_are_refused(tmp_path: Path) -> None:
    """An empty log, a log without a line that can be read, and no log at all: each its own sentence."""
    empty, garbage = tmp_path / "empty.log", tmp_path / "garbage.log"
    empty.write_text("")
    garbage.write_text("lorem ipsum\n" * 20)
    refused(talon_here("forecast", "ingest", empty, "--out", tmp_path / "out"), "empty")
    refused(talon_here("forecast", "ingest", garbage, "--out", tmp_path / "out"), "line")
    refused(talon_here("forecast", "ingest", tmp_path / "no.log", "--out", tmp_path / "out"), "no.log")
    assert not (tmp_path / "out" / "arrivals.csv").exists()


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_broken_csv_is_refused_with_its_line(suffix: str, tmp_path: Path) -> None:
    """predict names file and line of what it cannot read, plain or compressed."""
    source = tmp_path / f"history{suffix}"
    text = "ds,y\n2026-01-01T00:00:00Z,1\n2026-01-01T01:00:00Z,two\n"
    source.write_bytes(gzip.compress(text.encode()) if suffix == ".csv.gz" else text.encode())
    order = ("--horizon", 24, "--freq", "h", "--output", tmp_path / "out.csv")
    refused(talon_here("forecast", "predict", "--input", source, *order), str(source), "line 3")
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_not_gzip_is_refused(tmp_path: Path) -> None:
    """A name that promises gzip and a content that is not are said in one line."""
    source = tmp_path / "history.csv.gz"
    source.write_bytes(b"ds,y\n")
    order = ("--horizon", 24, "--freq", "h", "--output", tmp_path / "out.csv")
    refused(talon_here("forecast", "predict", "--input", source, *order), str(source))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("status", "--admin", "http://127.0.0.1:1"), ["127.0.0.1:1", "does not answer"]),
        (("backend", "--service-time", "40"), ["--service-time", "with a unit"]),
        (("backend", "--listen", "9001"), ["--listen", "HOST:PORT"]),
        (("loadtest", "--target", "nowhere"), ["--target", "http://"]),
        (("forecast", "publish", "--model-dir", "/nonexistent", "--redis", "redis://h"), ["/nonexistent"]),
    ],
)
def test_other_commands_refuse_in_one_line_too(command: tuple[str, ...], says: list[str]) -> None:
    """Every command tells what it was given and what it expected."""
    refused(talon_here(*command), *says)


def test_the_backends_address_in_use_is_named(taken: str) -> None:
    """The simulated backend says that somebody else listens on its address."""
    refused(talon("backend", "--listen", taken), f"{taken} is in use")


def test_a_bad_header_is_refused_by_explain(tmp_path: Path) -> None:
    """explain says what form a header has."""
    done = talon_here("explain", "--config", written(tmp_path), "--header", "no colon")
    refused(done, "--header", "'Name: value'", "'no colon'")

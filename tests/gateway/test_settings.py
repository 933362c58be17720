"""The configuration: what is good is read, what is not is refused in one sentence with the key's full path."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from gateway.errors import ConfigError
from gateway.secrets_file import load_keys
from gateway.settings import Settings, load

SHORTEST = """
pools:
  primary:
    nodes: [http://127.0.0.1:9001]
"""
WHOLE = """
listen: 127.0.0.1:8080
admin: 127.0.0.1:9090
store: embedded
data_dir: var
secrets_file: var/talon.keys
pools:
  primary:
    nodes: [http://127.0.0.1:9001, http://127.0.0.1:9002]
    health: {path: /healthz, interval: 1s}
  backup:
    role: backup
    nodes: [http://127.0.0.1:9003]
    warmup: 60s
rooms:
  booking:
    paths: [/]
    capacity: auto
    lanes: {urgent: {target_wait: 1m}, regular: {target_wait: 10m}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "talon.yaml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        load(write(folder, text))
    return str(refused.value)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in [key for key in os.environ if key.startswith("TALON__")]:
        monkeypatch.delenv(key)


def test_the_file_of_the_contract_is_read(tmp_path: Path) -> None:
    """The shortest useful file of the contract gives pools, a room with two lanes, and times in seconds."""
    settings = load(write(tmp_path, WHOLE))
    assert settings.pools["backup"].warmup == 60.0
    assert settings.pools["primary"].health.interval == 1.0
    room = settings.rooms["booking"]
    assert {name: lane.target_wait for name, lane in room.lanes.items()} == {"urgent": 60.0, "regular": 600.0}
    assert (room.lane, room.capacity, room.page_status) == ("regular", "auto", 202)
    assert settings.keys_file == Path("var/talon.keys")


def test_one_pool_is_enough(tmp_path: Path) -> None:
    """Everything but the pools has a default, and the defaults pass their own checks."""
    settings = load(write(tmp_path, SHORTEST))
    assert (settings.listen, settings.admin, settings.store) == ("127.0.0.1:8080", "127.0.0.1:9090", "embedded")
    assert settings.access_log_path == str(settings.data_dir / "access.log")


def test_the_shipped_example_is_valid() -> None:
    """The commented file with every key is a configuration."""
    example = Path(__file__).parents[2] / "config" / "talon.yaml"
    assert load(example).rooms


NODES = ["http://a:1"]
WRONG_POOLS: list[tuple[dict[str, object], str]] = [
    ({"primary": {"nodes": NODES, "helth": {}}}, "pools.primary.helth: there is no such key"),
    ({"primary": {}}, "pools.primary.nodes: is required"),
    ({"primary": {"nodes": []}}, "pools.primary: nodes: expected at least one http://HOST:PORT"),
    ({"primary": {"nodes": ["ftp://a"]}}, "pools.primary: nodes: expected http://HOST:PORT"),
    ({"primary": {"nodes": ["http://a:1/x"]}}, "pools.primary: nodes: expected http://HOST:PORT without a path"),
    ({"primary": {"nodes": NODES * 2}}, "pools.primary: nodes: a node stands twice"),
    ({"primary": {"nodes": NODES, "limit": {"minimum": 0}}}, "pools.primary.limit: expected 1 <= minimum"),
    ({"primary": {"nodes": NODES, "health": {"interval": "1"}}}, "pools.primary.health.interval: expected a duration"),
    ({"b": {"role": "backup", "nodes": NODES}}, "pools: expected at least one pool with role primary"),
    ({"Pri mary": {"nodes": NODES}}, "pool or room name 'Pri mary': expected a lower-case letter"),
]
WRONG_ROOMS: list[tuple[dict[str, object], str]] = [
    ({"admission": {"headrom": 0.2}}, ".admission.headrom: there is no such key"),
    ({"admission": {"busy": 2}}, ".admission: target_wait must be above 0s and busy in 0..1"),
    ({"lanes": {"urgent": {"target_wait": "10"}}}, ".lanes.urgent.target_wait: expected a duration with a unit"),
    ({"lanes": {"urgent": {"target_wait": "0s"}}}, ".lanes.urgent: target_wait must be above 0s"),
    ({"lanes": {}}, ": lanes: expected at least one lane"),
    ({"lanes": {"Big": {}}}, ": lane name 'Big': expected a lower-case letter"),
    ({"paths": ["booking"]}, ": paths: expected a list of path prefixes that start with '/', without globs"),
    ({"paths": ["/booking/*"]}, ": paths: expected a list of path prefixes that start with '/', without globs"),
    ({"capacity": -3}, ": capacity: expected auto or a number of requests/s above 0"),
    ({"page_status": 500}, ".page_status: "),
    ({"default_lane": "vip"}, ": default_lane: 'vip' is not one of"),
    ({"pass_idle": "3h"}, ": pass_idle: expected above 0s and at most pass_cap"),
    ({"presence_grace": "30s"}, ": presence_grace: expected at least twice longest_poll"),
    ({"max_waiting": 0}, ": max_waiting: expected at least 1"),
]
WRONG: list[tuple[dict[str, object], str]] = [
    ({"lissten": "x"}, "lissten: there is no such key"),
    ({"listen": "8080"}, "listen: expected HOST:PORT, unix:PATH or systemd, got '8080'"),
    ({"listen": "127.0.0.1:99999"}, "listen: expected HOST:PORT, unix:PATH or systemd"),
    ({"admin": "127.0.0.1:8080"}, "admin: must be another address than listen"),
    ({"store": "mysql://x"}, "store: "),
    ({"time_zone": "Mars/Base"}, "time_zone: expected an IANA name such as Europe/Moscow, got 'Mars/Base'"),
    ({"proxy": {"read_timeout": 5}}, "proxy.read_timeout: expected a duration with a unit"),
    ({"proxy": {"max_queue": "many"}}, "proxy.max_queue: "),
    ({"classes": [{"name": "a", "paths": ["x"]}]}, "classes.0: paths must be a list of globs"),
    *(({"pools": pools}, said) for pools, said in WRONG_POOLS),
    *(({"rooms": {"booking": room}}, "rooms.booking" + said) for room, said in WRONG_ROOMS),
]


@pytest.mark.parametrize(("change", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_named_by_its_whole_path(tmp_path: Path, change: dict[str, object], said: str) -> None:
    """One line: the file, the key with its path, what was expected."""
    text = yaml.safe_dump({**yaml.safe_load(SHORTEST), **change})
    message = refusal(tmp_path, text)
    assert message.startswith(str(tmp_path / "talon.yaml") + ": " + said), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pools: [", r"line \d+: not valid YAML"),
        ("a: b: c", r"line 1: not valid YAML"),
        ("- a\n- b", "expected a mapping of keys such as listen, pools and rooms"),
        ("", "expected a mapping"),
        ("just words", "expected a mapping"),
        ("pools: 7", "pools: "),
        ("{}", "pools: is required"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Broken YAML is named by its line, anything else by what was expected."""
    message = refusal(tmp_path, text)
    assert re.search(said, message), message
    assert "\n" not in message


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text are each one sentence."""
    for path, said in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=said):
            load(path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(binary)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key can be overridden as `TALON__SECTION__KEY`, also deep inside a section of the file."""
    monkeypatch.setenv("TALON__LISTEN", "127.0.0.1:7000")
    monkeypatch.setenv("TALON__ROOMS__BOOKING__ADMISSION__TARGET_WAIT", "250ms")
    monkeypatch.setenv("TALON__POOLS__BACKUP__WARMUP", "5s")
    settings = load(write(tmp_path, WHOLE))
    assert settings.listen == "127.0.0.1:7000"
    assert settings.rooms["booking"].admission.target_wait == 0.25
    assert (settings.pools["backup"].warmup, settings.pools["backup"].role) == (5.0, "backup")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("TALON__LISTENN", "x", "environment TALON__LISTENN: there is no key 'listenn'"),
        ("TALON__PROXY__READ_TIMEOUT", "5", "proxy.read_timeout: expected a duration with a unit"),
        ("TALON__PROXY__REED_TIMEOUT", "5s", "proxy.reed_timeout: there is no such key"),
    ],
)
def test_overrides_are_checked_like_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, said: str
) -> None:
    """A misspelt or impossible override is refused, not ignored."""
    monkeypatch.setenv(key, value)
    assert said in refusal(tmp_path, WHOLE)


def test_the_schema_knows_every_key() -> None:
    """The JSON Schema for editors describes pools, rooms and durations."""
    schema = Settings.model_json_schema()
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["LanePolicy"]["properties"]["target_wait"]["type"] == "string"


def test_keys_are_made_once_and_only_for_the_owner(tmp_path: Path) -> None:
    """The first start writes a key that only the owner can read; the next one uses the same."""
    path = tmp_path / "new" / "talon.keys"
    first = load_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(first.keys["k1"]) == 32
    assert load_keys(path).keys == first.keys
    assert load_keys(tmp_path / "another.keys").keys != first.keys


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_keys_that_others_may_read_are_refused(tmp_path: Path, mode: int) -> None:
    """The sentence says what to do."""
    path = tmp_path / "talon.keys"
    load_keys(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: others may read it; run `chmod 600 {path}`")):
        load_keys(path)


def test_keys_that_cannot_be_used_are_refused_with_their_line(tmp_path: Path) -> None:
    """A broken line, a file that is no text and a folder in its place are one sentence each."""
    path = tmp_path / "talon.keys"
    path.touch(mode=0o600)
    for content, said in ((b"k1:short\n", "line 1: expected KEYID:HEX"), (b"", "expected 1 to 8 keys"), (b"\xff", "")):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=re.escape(f"{path}: {said}")):
            load_keys(path)
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_keys(folder)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be (made|read)"):
        load_keys(tmp_path / "file" / "talon.keys")


def test_openings_are_read_as_people_write_them(tmp_path: Path) -> None:
    """A date needs no quotes; a time without them, which YAML takes for a number, is refused with a sentence."""
    good = f"{SHORTEST}rooms: {{booking: {{openings: [{{at: '07:30', date: 2026-12-01, prequeue: 10m}}]}}}}"
    (tmp_path / "good.yaml").write_text(good)
    opening = load(tmp_path / "good.yaml").rooms["booking"].openings[0]
    assert (opening.clock, opening.date, opening.prequeue) == ((7, 30, 0), "2026-12-01", 600.0)
    refused = refusal(tmp_path, good.replace("'07:30'", "17:30"))
    assert """rooms.booking.openings.0: at: expected "HH:MM" or "HH:MM:SS" in quotes, got '1050'""" in refused
    assert "openings.0.days.0: Input should be 'mon'" in refusal(
        tmp_path, good.replace("date: 2026-12-01", "days: [x]")
    )


def test_gateways_that_start_together_share_the_first_ones_keys(tmp_path: Path) -> None:
    """Whoever finds no file makes a whole one: nobody reads half of it, all sign with the same key, nothing is left."""
    path = tmp_path / "data" / "talon.keys"
    with ThreadPoolExecutor(16) as starting:
        keys = {ring.derive("k1", "ticket") for ring in starting.map(lambda _: load_keys(path), range(64))}
    assert len(keys) == 1
    assert [one.name for one in path.parent.iterdir()] == ["talon.keys"]

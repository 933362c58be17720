import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from forecasting.contract import ForecastRecord, PlanStep, plan_key
from gateway.core.classify import DEFAULT_CLASSES
from gateway.settings import Settings, load
from gateway.store.keys import LANE_KEYS, NODES_KEY, ROOM_KEYS
from talon.cli import app

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
GENERATE = runpy.run_path(str(ROOT / "docs" / "generate.py"))
PAGES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "forecasting" / "sample" / "README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_generated_reference_is_up_to_date() -> None:
    """The generated parts of the reference are those that the code of today gives."""
    for name in ("config.md", "metrics.md", "cli.md"):
        assert GENERATE["renewed"](page(name)) == page(name), f"{name}: run `make docs`"


def test_every_setting_has_a_meaning() -> None:
    """Each key of the schema stands in config/talon.yaml with a comment, and in the reference with a meaning."""
    said = GENERATE["meanings"]((ROOT / "config" / "talon.yaml").read_text(encoding="utf-8"))
    keys = GENERATE["setting_rows"]()
    assert {"listen", "pools.NAME.health.path", "rooms.NAME.lanes.NAME.floor", "classes[].express"} <= set(keys)
    assert sorted(set(keys) - set(said)) == []
    assert sorted(set(said) - set(keys)) == []
    for key in keys:
        assert re.search(rf"^\| `{re.escape(key)}` \| .+ \| .+ \| .{{4,}} \|$", page("config.md"), re.M), key


def test_the_example_configuration_is_valid_and_holds_the_defaults() -> None:
    """config/talon.yaml loads, and what it sets is the default wherever it does not say that it is an example."""
    settings = load(ROOT / "config" / "talon.yaml", {})
    shortest = Settings(**yaml.safe_load("pools: {primary: {nodes: [http://127.0.0.1:9001]}}\nrooms: {booking: {}}"))
    assert settings.classes == DEFAULT_CLASSES
    assert settings.proxy == shortest.proxy
    primary, plain = settings.pools["primary"], shortest.pools["primary"]
    assert (primary.health, primary.limit, primary.spillover()) == (plain.health, plain.limit, plain.spillover())
    room, default = settings.rooms["booking"], shortest.rooms["booking"]
    assert room.lanes["regular"] == default.lanes["regular"]
    differing = {name for name in type(room).__slots__ if getattr(room, name) != getattr(default, name)}
    assert differing == {"lanes", "lane_rules", "openings"}
    assert settings.identity == shortest.identity
    assert settings.keys_file == shortest.keys_file
    assert settings.access_log_path == shortest.access_log_path
    top = {"listen", "admin", "store", "data_dir", "secure_cookies", "time_zone", "default_language"}
    assert {name for name in top if getattr(settings, name) != getattr(shortest, name)} == set()


def test_every_metric_is_in_the_reference() -> None:
    """Each metric stands there by the name that Prometheus shows."""
    names = GENERATE["metric_names"]()
    assert "talon_requests_total" in names
    for name in names:
        assert name.startswith("talon_")
        assert f"| `{name}` |" in page("metrics.md")


def test_every_decision_and_reason_is_explained() -> None:
    """Label values come from enums; each is explained on the page of metrics or said to be unused."""
    from gateway.core.admission import RateReason
    from gateway.core.decide import Reason
    from gateway.core.spillover import OpenReason

    words = {*(r.value for r in Reason), *(r.value for r in RateReason)}
    assert {word for word in words if f"`{word}`" not in page("metrics.md")} == set()
    admission = (ROOT / "docs" / "explanation" / "admission.md").read_text(encoding="utf-8")
    assert {r.value for r in OpenReason if r.value != "none" and f"`{r.value}`" not in admission} == set()


def test_every_store_key_is_in_the_reference() -> None:
    """Keys of the room, of its lanes, and the plan; no others."""
    text = page("redis-keys.md")
    expected = {f"talon:{{ROOM}}:{name}" for name in ROOM_KEYS} | {f"talon:{{ROOM}}:{name}:LANE" for name in LANE_KEYS}
    expected |= {plan_key("ROOM"), "talon:{ROOM}:persons:BUCKET", NODES_KEY, "talon:answer:PLACE"}
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `talon:")]
    assert set(re.findall(r"`([^`]+)`", " ".join(rows))) == expected
    lua = (ROOT / "gateway" / "store" / "lua").glob("*.lua")
    fields = {name for path in lua for name in re.findall(r"META, '(\w+)'", path.read_text(encoding="utf-8"))}
    assert fields >= {"epoch", "owner", "credit"}
    assert {name for name in fields if f"`{name}`" not in text} == set()


def test_every_field_of_the_record_is_in_the_reference() -> None:
    """The page of the forecast record names each field of record and step."""
    text = page("forecast-record.md")
    fields = {*ForecastRecord.__slots__, *PlanStep.__slots__, "format"}
    assert {name for name in fields if f"`{name}`" not in text} == set()


def test_every_command_and_option_is_in_the_reference() -> None:
    """Each command has a section with an example, each option a row with a meaning."""
    commands = GENERATE["commands"]()
    assert {"talon serve", "talon forecast publish", "talon loadtest"} <= set(commands)
    for name, command in commands.items():
        section = page("cli.md").split(f"## {name}\n")[1].split("\n## ")[0]
        assert f"```\n{name} " in section or f"```\n{name}\n" in section, f"{name}: no example in its help"
        for option in command.params:
            for word in (one for one in option.opts if one.startswith("--")):
                assert re.search(rf"^\| `{word}`.* \| .{{4,}} \|$", section, re.M), f"{name} {word}"


def test_members_of_the_answers_are_in_the_reference() -> None:
    """What the admin API and the now-serving document hold is named on the page of HTTP."""
    from gateway.core.admission import AdmissionPolicy
    from gateway.core.lanes import LanePolicy
    from gateway.core.live_room import LiveRoom, RoomPolicy
    from gateway.core.room_model import RoomModel
    from gateway.core.visits import VisitPolicy
    from gateway.web.admin_api import describe_forecast, describe_room
    from gateway.web.room_api import now_serving

    policy = RoomPolicy(
        lanes={"regular": LanePolicy()}, admission=AdmissionPolicy(), visits=VisitPolicy(), pools={"primary": None}
    )
    room = LiveRoom(name="booking", policy=policy)
    model = RoomModel(room="booking", epoch="e1", lanes=["regular"], max_waiting=9, grace=60.0)
    room.observe(model.view(1000.0))
    room.record = ForecastRecord(
        room="booking", version="1", model="m", made_at=1.0, expires_at=2.0, step_seconds=1.0, capacity={}, steps=()
    )
    text = page("http-api.md")
    served: dict[str, Any] = now_serving(room)
    names = {*describe_room(room), *describe_forecast(room, 1000.0), *served, *served["lanes"]["regular"]}
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_readme_is_short() -> None:
    """At most 120 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Each link inside the project names a file that is there, and a heading that is in it."""
    text = path.read_text(encoding="utf-8")
    assert "](/" not in text, "a link from the root works in no checkout"
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name}: {target}"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{path.name}: {target}"


def test_every_page_is_linked_from_the_index() -> None:
    """No page of docs is lost."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert {name for name in pages if f"]({name})" not in index} == set()


def command_lines() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for _, body in BLOCK.findall(path.read_text(encoding="utf-8")):
            for line in body.replace("\\\n", " ").splitlines():
                if found := re.search(r"(?:^|[|;] )((?:uv run |\.venv/bin/)?talon [^|;>&]*)", line):
                    yield path.name, found[1].strip()


def test_commands_in_the_documents_exist() -> None:
    """Each `talon ...` of a code block is understood by the command line of today."""
    lines = [(name, line) for name, line in command_lines() if "..." not in line]
    assert len(lines) > 15
    for name, line in lines:
        command: Any = typer.main.get_command(app)
        words = shlex.split(line.partition("talon ")[2], comments=True)
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, f"{name}: {line}"
            command, words = command.commands[words[0]], words[1:]
        options = {word for option in command.params for word in (*option.opts, *option.secondary_opts)} | {"--help"}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= options, f"{name}: {line}"

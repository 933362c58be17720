"""The operators' commands against a running gateway, and the configuration as editors see it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.core.signed_header import sign
from tests.integration.portal import Gateway, Portal, opened_portal
from tests.integration.processes import talon, talon_here
from tests.integration.visitor import ask

pytestmark = pytest.mark.integration

SHORTEST = """
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


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """One portal for all tests of this module, which only look at it."""
    with opened_portal() as opened:
        yield opened


@pytest.fixture(scope="module")
def gateway(portal: Portal) -> Gateway:
    started = portal.start_paused()
    started.crowd(3)
    return started


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what a process has loaded in /proc")
def test_the_running_gateway_has_loaded_nothing_heavy(gateway: Gateway) -> None:
    """After it has answered, the gateway's process has mapped no file of numpy, pandas, prophet and the like."""
    maps = Path(f"/proc/{gateway.child.pid}/maps").read_text()
    assert "/aiohttp/" in maps
    assert [name for name in ("numpy", "pandas", "prophet", "duckdb", "gevent") if f"/{name}/" in maps] == []


def test_status_shows_room_pool_and_forecast(gateway: Gateway) -> None:
    """talon status prints three tables with what waits, what works and what is expected."""
    done = talon("status", "--admin", gateway.admin)
    assert (done.code, done.err) == (0, "")
    for title in ("Rooms", "Pools", "Forecast"):
        assert title in done.out
    words = done.out.split()
    assert {"booking", "regular", "paused", "primary"} <= set(words)


def test_status_as_json_is_what_the_admin_api_says(gateway: Gateway) -> None:
    """talon status --json can be read by scripts and holds rooms, pools and forecasts."""
    done = talon_here("status", "--json", "--admin", f"http://{gateway.admin}/")
    state = json.loads(done.out)
    assert (done.code, set(state)) == (0, {"rooms", "pools", "forecasts"})
    assert state["rooms"][0]["waiting"] == {"regular": 3}
    assert state["rooms"][0]["paused_by"]["author"] == "test"
    assert state["pools"][0]["nodes"][0]["state"] == "up"
    assert state["forecasts"][0]["state"] == "absent"


def test_every_change_is_audited_and_a_bad_one_refused(portal: Portal, gateway: Gateway) -> None:
    """A change without author or with a wrong action is refused by a sentence; one that counts is in the audit file."""
    body = {"action": "rate", "rate": 4, "reason": "no author", "ttl": "10m"}
    refused = ask(gateway.admin, "/api/rooms/booking", "POST", body)
    assert (refused.status, "author" in refused.json()["title"]) == (422, True)
    assert ask(gateway.admin, "/api/rooms/other", "POST", body).status == 404
    lines = [json.loads(line) for line in (portal.folder / "data" / "audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["author"]) for line in lines] == [("pause", "test")]


EXPLAINED = {"class", "room", "lane", "rule", "identity", "person", "decision", "reason"}
SIGNED = sign("sub=anna&lane=urgent", 1_000_000, bytes(32))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--path", "/slots"), {"class": "visit", "room": "booking", "lane": "regular", "decision": "queue"}),
        (("--path", "/slots", "--header", "X-Lane: urgent"), {"lane": "urgent", "rule": "lane_header"}),
        (("--path", "/slots", "--header", "X-Lane: urgent", "--remote", "10.0.0.2"), {"lane": "regular"}),
        (("--path", "/slots", "--header", "X-Lane: urgent", "--header", "x-lane: urgent"), {"rule": "default_lane"}),
        (("--path", "/slots", "--header", "X-Region: amur"), {"lane": "urgent", "rule": "lane_rules[0]"}),
        (("--path", "/slots", "--header", f"Talon-Identity: {SIGNED}"), {"identity": "signed_header expired"}),
        (
            ("--path", "/bookings/7", "--method", "DELETE", "--header", "X-HTTP-Method-Override: GET"),
            {"class": "visit", "decision": "queue"},
        ),
        (("--path", "/slots%00", "--method", "GET"), {"decision": "refuse", "reason": "bad_path"}),
        (("--path", "portal:443", "--method", "CONNECT"), {"decision": "refuse", "reason": "method_not_allowed"}),
        (("--method", "post", "--path", "/bookings/7/cancel"), {"class": "cancel", "decision": "forward"}),
        (("--path", "/bookings/7/%63ancel", "--method", "POST"), {"class": "visit", "decision": "queue"}),
        (("--path", "/healthz"), {"class": "health", "decision": "forward", "reason": "express"}),
    ],
)
def test_explain_says_what_would_happen(arguments: tuple[str, ...], expected: dict[str, str], tmp_path: Path) -> None:
    """talon explain answers by the code that decides: class, room, lane and what gave it, decision, reason."""
    document = yaml.safe_load(SHORTEST)
    document["rooms"]["booking"] |= {"lane_header": "X-Lane", "lane_rules": [{"lane": "urgent", "region": ["amur"]}]}
    document["proxy"] = {"trusted_proxies": ["10.0.0.1"]}
    shared = tmp_path / "portal.keys"
    shared.write_text(f"k1:{bytes(32).hex()}")
    shared.chmod(0o600)
    document["identity"] = {"region_header": "X-Region", "signed_header": {"key_file": str(shared)}}
    config = tmp_path / "talon.yaml"
    config.write_text(yaml.safe_dump(document))
    done = talon_here("explain", "--config", config, *arguments)
    said = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert (done.code, set(said)) == (0, EXPLAINED)
    assert {key: said[key] for key in expected} == expected


def schema() -> dict[str, Any]:
    done = talon_here("config-schema")
    assert done.code == 0
    document: dict[str, Any] = json.loads(done.out)
    return document


def test_the_schema_accepts_the_shortest_useful_file(tmp_path: Path) -> None:
    """config-schema prints valid JSON Schema; it and check-config accept the file that the contract shows."""
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(yaml.safe_load(SHORTEST), schema())
    path = tmp_path / "talon.yaml"
    path.write_text(SHORTEST)
    done = talon_here("check-config", path)
    assert (done.code, done.out) == (0, f"{path}: valid; 1 rooms, 2 pools, 3 nodes\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"pools": {"primary": {"nodes": ["http://h:1"], "warmup": 60}}},
        {"rooms": {"booking": {"page_status": 404}}},
        {"rooms": {"booking": {"headrom": "1m"}}},
    ],
)
def test_the_schema_refuses_what_the_gateway_refuses(changes: dict[str, Any]) -> None:
    """An editor with the schema marks unknown keys, durations without a unit and values out of choice."""
    document = {**yaml.safe_load(SHORTEST), **changes}
    assert not jsonschema.Draft202012Validator(schema()).is_valid(document)

"""The metrics as Prometheus reads them, with the example configuration and a real Prometheus."""

import math
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import free_port, require
from tests.integration.portal import Gateway, Portal, opened_portal
from tests.integration.processes import run, wait_for
from tests.integration.visitor import ask

pytestmark = pytest.mark.integration

CONFIG = Path(__file__).parents[2] / "config"
CONTRACT = (
    "talon_requests_total",
    "talon_request_duration_seconds_bucket",
    "talon_upstream_duration_seconds_bucket",
    "talon_upstream_inflight",
    "talon_upstream_limit",
    "talon_room_waiting",
    "talon_room_wait_seconds_bucket",
    "talon_room_admissions_total",
    "talon_room_no_shows_total",
    "talon_room_leavers_total",
    "talon_room_admission_rate",
    "talon_pool_share",
    "talon_store_up",
)


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """One portal for all tests of this module, which only look at it."""
    with opened_portal() as opened:
        yield opened


@pytest.fixture(scope="module")
def worked(portal: Portal) -> Gateway:
    """A gateway through whose queue somebody has gone, and one has left it."""
    gateway = portal.start_paused()
    waiting, leaving = gateway.crowd(2)
    assert leaving.ask(f"/_talon/tickets/{leaving.cookies['talon_ticket']}", "DELETE").status == 204
    gateway.control("rate", 20.0)
    waiting.get_in()
    waiting.book()
    wait_for(lambda: gateway.metric("talon_room_leavers_total") == 1.0, 5.0, "the store's counters are shown")
    return gateway


def test_promtool_finds_nothing_to_complain_about(worked: Gateway) -> None:
    """Names, types and help texts keep Prometheus' own rules."""
    text = ask(worked.admin, "/metrics").body.decode()
    checked = run(require("promtool", "prometheus"), "check", "metrics", stdin=text)
    assert (checked.code, checked.out, checked.err) == (0, "", "")


def test_the_example_configuration_and_its_alerts_are_valid() -> None:
    """promtool accepts the scrape configuration and each rule beside it."""
    promtool = require("promtool", "prometheus")
    checked = run(promtool, "check", "config", CONFIG / "prometheus.yml")
    assert checked.code == 0, checked
    rules = run(promtool, "check", "rules", CONFIG / "prometheus-alerts.yml")
    assert (rules.code, "6 rules found" in rules.out) == (0, True), rules


def test_prometheus_scrapes_the_admin_address(portal: Portal, worked: Gateway) -> None:
    """A real Prometheus with the example's configuration has the contract's metrics and can use the alerts."""
    address = f"127.0.0.1:{free_port()}"
    example = (CONFIG / "prometheus.yml").read_text()
    for written, real in (("[127.0.0.1:9090]", f"[{worked.admin}]"), ("scrape_interval: 5s", "scrape_interval: 1s")):
        assert example.count(written) == 1
        example = example.replace(written, real)
    example = example.replace("prometheus-alerts.yml", str(CONFIG / "prometheus-alerts.yml"))
    (portal.folder / "prometheus.yml").write_text(example)
    portal.children.start(
        "prometheus", require("prometheus", "prometheus"), f"--config.file={portal.folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={portal.folder / 'tsdb'}", f"--web.listen-address={address}",
    )  # fmt: skip

    def value(query: str) -> float:
        try:
            answer = ask(address, f"/api/v1/query?query={quote(query)}")
        except ConnectionRefusedError:
            return math.nan
        found = answer.json().get("data", {}).get("result", []) if answer.status == 200 else []
        return float(found[0]["value"][1]) if found else math.nan

    wait_for(lambda: value('up{job="talon"}') == 1.0, 20.0, "Prometheus scrapes the gateway")
    assert {name for name in CONTRACT if math.isnan(value(name))} == set()
    assert value("talon_store_up") == 1.0
    assert value("talon_room_leavers_total") == 1.0
    assert value("sum(talon_room_admissions_total)") == 1.0
    rules = ask(address, "/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []

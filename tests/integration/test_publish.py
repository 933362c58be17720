"""From a fitted model to the running gateway: published, followed, refused when wrong, over when expired."""

import csv
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from forecasting.contract import ForecastRecord, PlanStep, plan_key
from forecasting.core.spans import format_instant
from gateway.store.embedded import socket_path
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import talon_here, wait_for

pytestmark = pytest.mark.integration

HOUR = 3600.0
DAYS = 21


@pytest.fixture
def store(portal: Portal, gateway: Gateway) -> str:
    """The URL of the gateway's embedded store."""
    return f"unix://{socket_path(portal.folder / 'data' / 'store')}"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model fitted to three weeks of a daily rhythm that end now."""
    folder = tmp_path_factory.mktemp("fitted")
    first = math.floor(time.time() / HOUR) * HOUR - DAYS * 24 * HOUR
    with (folder / "history.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ds", "y"])
        chance = random.Random(7)
        for hour in range(DAYS * 24):
            count = chance.gauss(4000 + 2000 * math.sin(hour * math.tau / 24), 150)
            rows.writerow([format_instant(first + hour * HOUR), round(count)])
    order = (
        "--data",
        folder / "history.csv",
        "--model-dir",
        folder / "models",
        "--model",
        "profile_level",
        "--folds",
        3,
    )
    fitted = talon_here("forecast", "fit", *order)
    assert fitted.code == 0, fitted
    return folder / "models"


def forecast(gateway: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = gateway.api("forecast")["forecasts"][0]
    return found


def record(version: str, seconds: float, rate: float) -> ForecastRecord:
    """A record of one step that covers now and expires after `seconds`."""
    now = time.time()
    step = PlanStep(at=now - 60, q10=1.0, q50=2.0, q90=3.0, q95=4.0, admission_rate=rate, pool_share={"primary": 1.0})
    return ForecastRecord(
        room="booking", version=version, model="by hand", made_at=now, expires_at=now + seconds,
        step_seconds=600.0, capacity={"primary": rate}, steps=(step,),
    )  # fmt: skip


def test_a_published_forecast_reaches_the_gateway(gateway: Gateway, store: str, models: Path) -> None:
    """talon forecast publish: the admin API, the metrics and `talon status` show the plan that the gateway follows."""
    assert forecast(gateway)["state"] == "absent"
    order = ("--model-dir", models, "--redis", store, "--capacity", "primary=3.0", "--age-limit", "1h")
    done = talon_here("forecast", "publish", *order)
    assert done.code == 0, done
    wait_for(lambda: forecast(gateway)["state"] == "ok", 5.0, "the gateway takes the record")
    seen = forecast(gateway)
    assert seen["capacity"] == {"primary": 3.0}
    assert len(seen["series"]) == 24
    assert 0 < seen["now"]["q10"] <= seen["now"]["q50"] <= seen["now"]["q90"]
    assert 4000 / HOUR / 2 < seen["now"]["q50"] < 4000 / HOUR * 2
    assert seen["now"]["admission_rate"] == pytest.approx(2.7)
    for quantile in ("q10", "q50", "q90", "q95"):
        assert gateway.metric("talon_forecast_arrivals", room="booking", quantile=quantile) == seen["now"][quantile]
    age = gateway.metric("talon_forecast_age_seconds", room="booking")
    assert age is not None
    assert 0 <= age < 60
    assert "profile_level" in talon_here("status", "--json", "--admin", gateway.admin).out


def test_an_invalid_record_is_refused_and_an_expired_one_is_over(gateway: Gateway, store: str) -> None:
    """What is not a record is refused and the old plan stays; when that has expired, it is shown no more."""
    key = plan_key("booking")
    with redis.Redis.from_url(store) as client:
        client.set(key, record("good", 6.0, 1.5).to_json())
        wait_for(lambda: forecast(gateway).get("version") == "good", 5.0, "the gateway takes the record")
        client.set(key, '{"format": 99}')
        wait_for(lambda: "forecast_refused" in gateway.child.err, 5.0, "the gateway says what it refuses")
        assert (forecast(gateway)["version"], forecast(gateway)["state"]) == ("good", "ok")
        assert gateway.metric("talon_forecast_arrivals", quantile="q90") == 3.0
        wait_for(lambda: forecast(gateway)["state"] == "stale", 10.0, "the record has expired")
        wait_for(lambda: gateway.metric("talon_forecast_arrivals", quantile="q90") is None, 5.0, "no figures of it")
        assert gateway.metric("talon_forecast_age_seconds") is not None, "how old it is stays known"
        client.set(key, record("new", 600.0, 1.5).to_json())
        wait_for(lambda: forecast(gateway)["version"] == "new", 5.0, "a new record is taken again")
    assert forecast(gateway)["state"] == "ok"


def test_what_came_of_each_step_is_written_down(gateway: Gateway, store: str, portal: Portal) -> None:
    """The gateway logs every step of the plan that it watched whole beside the visits that came, for `monitor`."""
    log, begin = portal.folder / "data" / "forecasts.jsonl", math.floor(time.time())
    steps = tuple(
        PlanStep(at=begin + 4.0 * n, q10=0.0, q50=0.5, q90=1.0, q95=2.0, admission_rate=None, pool_share={})
        for n in range(100)
    )
    made = ForecastRecord(
        room="booking", version="quick", model="by hand", made_at=begin, expires_at=begin + 600.0, step_seconds=4.0,
        capacity={}, steps=steps,
    )  # fmt: skip
    with redis.Redis.from_url(store) as client:
        client.set(plan_key("booking"), made.to_json())
    wait_for(lambda: log.exists() and log.read_text().count("\n") >= 2, 20.0, "two steps are written down")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(line["room"], line["version"], line["q50"]) for line in lines} == {("booking", "quick", 0.5)}
    assert all(line["arrivals"] >= 0 and line["factor"] == 1.0 for line in lines)

"""One command from new log lines to the plan, as often as a timer likes."""

import fcntl
import json
import random
import time
from pathlib import Path

import pytest
import redis

from forecasting.contract import ForecastRecord, plan_key
from tests.forecasting.test_cli import refusal, talon
from tests.forecasting.test_monitor import write_log

pytestmark = pytest.mark.integration

HOUR = 3600.0
DAYS = 16


def lines(first: int, last: int) -> str:
    """Return lines of the gateway's log: visits of the hours `first` to `last`, counted back from now."""
    end, found = time.time() // HOUR * HOUR, []
    for hour in range(first, last):
        at = end + (hour - DAYS * 24) * HOUR
        of_day = int(at // HOUR) % 24
        chance = random.Random(hour)
        seconds = sorted(
            chance.uniform(0, HOUR) for _ in range(chance.randrange(4, 9) * (7 if 7 <= of_day < 18 else 1))
        )
        found += [
            json.dumps({"ts": at + second, "path": "/", "room": "booking", "visit": f"{at + second}"}) + "\n"
            for second in seconds
        ]
    return "".join(found)


def planned(url: str) -> ForecastRecord:
    """Return the record that the store holds."""
    with redis.Redis.from_url(url) as store:
        raw = store.get(plan_key("booking"))
    assert isinstance(raw, bytes)
    return ForecastRecord.from_json(raw)


def test_it_reads_fits_and_publishes_and_again_only_what_is_new(store_url: str, tmp_path: Path) -> None:
    """A first run makes a plan; a second without new lines fits nothing and renews it; new lines make a new version."""
    log, models = tmp_path / "access.log", tmp_path / "models"
    log.write_text(lines(0, DAYS * 24 - 24))
    write_log(tmp_path / "forecasts.jsonl", days=3)
    order = (
        "retrain", f"{log}*", "--data", tmp_path / "data", "--model-dir", models, "--redis", store_url,
        "--model", "profile_level", "--folds", 3, "--capacity", "primary=3", "--issued", tmp_path / "forecasts.jsonl",
    )  # fmt: skip
    assert "registered and promoted" in talon(*order)
    first = planned(store_url)
    assert (first.state, first.model) == ("ok", "profile_level")
    assert len(first.steps) * first.step_seconds == 48 * HOUR
    assert "nothing new in the data" in talon(*order)
    second = planned(store_url)
    assert second.made_at > first.made_at
    assert second.version == first.version
    with log.open("a") as file:
        file.write(lines(DAYS * 24 - 24, DAYS * 24))
    assert "registered and promoted" in talon(*order)
    assert planned(store_url).version != first.version
    log.unlink()
    assert "no file has such a name" in refusal(*order)
    assert planned(store_url).made_at > second.made_at, "what is in service is published all the same"


def test_of_two_runs_at_a_time_one_does_nothing(store_url: str, tmp_path: Path) -> None:
    """The second says that the first is at it, and is content."""
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        order = ("--data", tmp_path / "data", "--model-dir", tmp_path / "m", "--redis", store_url)
        assert "another run is at" in talon("retrain", tmp_path / "access.log", *order)
    assert not (tmp_path / "m").exists()

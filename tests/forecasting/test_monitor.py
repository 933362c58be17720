"""Forecasts that were issued, scored against what came: for people, for Prometheus and as JSON."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.outcomes import alarms, band_of, by_day, worth
from forecasting.sources.issued import read_issued
from tests.conftest import require
from tests.forecasting.made import MONDAY, usual
from tests.forecasting.test_cli import refusal, talon

STEP = 900.0


def write_log(path: Path, *, days: float = 9, scale: float = 1.0, shift: int = 0, room: str = "booking") -> None:
    """Write what a gateway logs: arrivals around a known shape, forecast `scale` times it and `shift` hours off."""
    chance = np.random.default_rng(5)
    times = MONDAY + STEP * np.arange(round(days * 86400 / STEP))
    truth = usual(times, step=STEP, peak=2000)
    due = scale * usual(times - shift * 3600, step=STEP, peak=2000)
    came = chance.poisson(truth * np.exp(0.1 * chance.normal(size=len(times))))
    spread = np.sqrt(due + (0.1 * due) ** 2)
    with path.open("a") as file:
        for at, expected, width, seen in zip(*(c.tolist() for c in (times, due, spread, came)), strict=True):
            quantiles = {"q10": -1.28, "q50": 0.0, "q90": 1.28, "q95": 1.64}
            line = {
                "room": room, "at": at, "step_seconds": STEP, "made_at": at - at % 86400, "model": "combination",
                "version": "20261101T000000000000Z-1", "state": "ok", "factor": 1.0, "arrivals": seen / STEP,
                **{name: max(expected + z * width, 0) / STEP for name, z in quantiles.items()},
            }  # fmt: skip
            file.write(json.dumps(line) + "\n")


def test_a_good_forecast_has_a_small_error_and_no_alarm(tmp_path: Path) -> None:
    """Around the truth: an error near chance, no bias, the peak hour found, and nothing is wrong."""
    write_log(tmp_path / "f.jsonl")
    outcomes = read_issued(tmp_path / "f.jsonl").rooms["booking"]
    found = worth(outcomes, Calendar())
    assert found.steps == 9 * 96
    assert found.wape < 0.12
    assert abs(found.bias) < 0.02
    assert found.peak_off_seconds <= 1800
    assert alarms(found, expected_wape=0.1) == []
    assert [len(by_day(outcomes, Calendar(zone=zone))) for zone in ("UTC", "Europe/Berlin")] == [9, 10]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """A forecast half too high: the error has grown, it is biased, and the band misses."""
    write_log(tmp_path / "f.jsonl", scale=1.5)
    said = " ".join(alarms(worth(read_issued(tmp_path / "f.jsonl").rooms["booking"], Calendar()), 0.1))
    assert "the error has grown: WAPE 0." in said
    assert re.search(r"(48|49|50|51|52)% more arrivals are forecast than come", said)
    assert "the 80 % band covers" in said


def test_the_band_is_learned_anew_from_what_was_issued(tmp_path: Path) -> None:
    """The issued band was twice too narrow for a forecast three hours off; the one learned from it covers."""
    write_log(tmp_path / "f.jsonl", shift=1, days=12)
    outcomes = read_issued(tmp_path / "f.jsonl").rooms["booking"]
    band = band_of(outcomes.where(outcomes.times < MONDAY + 11 * 86400), Calendar())
    assert band is not None
    last = outcomes.where(outcomes.times >= MONDAY + 11 * 86400)
    again = band.forecast(last.times, STEP, last.q50)
    before, after = (float(np.mean((last.actual >= low) & (last.actual <= high))) for low, high in (
        (last.q10, last.q90), (again.q10, again.q90)))  # fmt: skip
    assert before < 0.65
    assert 0.65 <= after <= 0.95
    assert band_of(outcomes.where(outcomes.times < MONDAY + 86400), Calendar()) is None


def test_the_log_is_read_through_rotation_and_rubbish(tmp_path: Path) -> None:
    """The file before is read too, a step that stands twice counts once, broken lines are counted."""
    write_log(tmp_path / "f.jsonl", days=1)
    (tmp_path / "f.jsonl").rename(tmp_path / "f.jsonl.1")
    write_log(tmp_path / "f.jsonl", days=2)
    with (tmp_path / "f.jsonl").open("a") as file:
        file.write('{"room": "booking"}\n{"at": NaN}\nnonsense\n')
    found = read_issued(tmp_path / "f.jsonl")
    assert (len(found.rooms["booking"]), found.broken) == (192, 3)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no outcome of a forecast"):
        read_issued(tmp_path / "empty.jsonl")


def test_the_command_shows_and_writes_all_forms(tmp_path: Path) -> None:
    """Table, metrics that promtool accepts, JSON, and a page with a picture; two rooms are told apart."""
    log, prom, page = tmp_path / "f.jsonl", tmp_path / "talon.prom", tmp_path / "week.html"
    write_log(log)
    write_log(log, room="desk", scale=1.5)
    said = talon("monitor", "--issued", log, "--metrics", prom, "--report", page, "--json", tmp_path / "m.json")
    assert "alarm: desk: 5" in said or "alarm: desk: 4" in said
    checked = subprocess.run(
        [require("promtool", "prometheus"), "check", "metrics"], input=prom.read_text(), capture_output=True, text=True
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert 'talon_forecast_alarms{room="booking"} 0' in prom.read_text()
    rooms = json.loads((tmp_path / "m.json").read_text())["rooms"]
    assert [room["room"] for room in rooms] == ["booking", "desk"]
    assert rooms[0]["last_week"]["wape"] < 0.12
    assert "<svg" in page.read_text()
    assert "desk" in page.read_text()
    assert "cannot be read: No such file" in refusal("monitor", "--issued", tmp_path / "none")

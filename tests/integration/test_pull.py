"""Counts from a real Prometheus that was filled with two days of a known counter."""

import contextlib
import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecasting.sources.table import read_table
from tests.conftest import free_port, require
from tests.integration.processes import Children, run, talon_here, wait_for
from tests.integration.visitor import ask

pytestmark = pytest.mark.integration

BEGIN = 1_793_577_600  # 2026-11-02T00:00:00Z
MINUTES = 2 * 1440
OUTAGE = range(600, 720)


def rate(minute: int) -> float:
    """Visits a minute of a known day."""
    return 60 + 40 * math.sin(minute * math.tau / 1440)


def is_ready(port: int) -> bool:
    with contextlib.suppress(OSError):
        return ask(f"127.0.0.1:{port}", "/-/ready").status == 200
    return False


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """A Prometheus that knows the admissions of two rooms, but for two hours of which nothing is known."""
    lines = ["# TYPE talon_room_admissions counter"]
    for room, factor in (("booking", 1.0), ("desk", 0.5)):
        total = 0.0
        for minute in range(MINUTES):
            total += factor * rate(minute)
            if minute not in OUTAGE:
                at = BEGIN + minute * 60
                lines.append(f'talon_room_admissions_total{{room="{room}",lane="a"}} {total:.3f} {at}')
    (tmp_path / "history.txt").write_text("\n".join([*lines, "# EOF", ""]))
    promtool, data = require("promtool", "prometheus"), tmp_path / "data"
    filled = run(promtool, "tsdb", "create-blocks-from", "openmetrics", tmp_path / "history.txt", data)
    assert filled.code == 0, filled
    (tmp_path / "empty.yml").write_text("{}\n")
    port, children = free_port(), Children(tmp_path)
    try:
        children.start(
            "prometheus", require("prometheus", "prometheus"), f"--config.file={tmp_path / 'empty.yml'}",
            f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.retention.time=20y",
        )  # fmt: skip
        wait_for(lambda: is_ready(port), 30.0, "Prometheus is ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        children.end()


def test_counts_from_prometheus_become_series_with_their_gaps(prometheus: str, tmp_path: Path) -> None:
    """Two rooms in bins of a quarter of an hour: the counts are those of the counter, the outage is a gap."""
    out = tmp_path / "pulled"
    until = ("--since", "2d", "--until", "2026-11-04T00:00:00Z", "--bin", "15min")
    done = talon_here("forecast", "pull", "--prometheus", prometheus, "--out", out, *until)
    assert done.code == 0, done
    with (out / "arrivals.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 192
    assert (rows[40]["ds"], rows[44]["y"]) == ("2026-11-02T10:00:00Z", "")
    expected = 1.5 * sum(rate(minute) for minute in range(4 * 15, 5 * 15))
    assert float(rows[4]["y"]) == pytest.approx(expected, rel=0.02)
    found = read_table(out / "arrivals.parquet", "room")
    assert found["desk"].values[4] == pytest.approx(expected / 3, rel=0.02)


def test_what_prometheus_refuses_is_one_sentence(prometheus: str, tmp_path: Path) -> None:
    """A query that is none, one that finds nothing, an address where nobody answers."""
    order = ("forecast", "pull", "--out", tmp_path, "--since", "1d", "--until", "2026-11-04T00:00:00Z")
    bad = talon_here(*order, "--prometheus", prometheus, "--query", "sum(")
    assert (bad.code, bad.err.count("\n")) == (2, 1)
    assert "--query: " in bad.err
    none = talon_here(*order, "--prometheus", prometheus, "--query", "nothing_of_the_kind")
    assert "--query: Prometheus knows nothing of 'nothing_of_the_kind' in that time" in none.err
    gone = talon_here(*order, "--prometheus", f"http://127.0.0.1:{free_port()}")
    assert "does not answer as Prometheus does" in gone.err

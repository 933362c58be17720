"""Many series: on local processes and on a real Dask cluster, the same."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecasting.contract import ForecastRecord
from forecasting.core.spans import format_instant
from forecasting.sources.csv_series import write_csv
from forecasting.sources.table import write_table
from tests.conftest import free_port
from tests.forecasting.made import shaped
from tests.forecasting.test_cli import refusal, talon, written
from tests.forecasting.test_monitor import write_log
from tests.integration.processes import Children, talon_here, wait_for


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """A scheduler and two workers, each a process of its own."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    quiet = ("--host", "127.0.0.1", "--no-dashboard")
    children = Children(tmp_path)
    try:
        dask = (sys.executable, "-m", "dask")
        scheduler = children.start("scheduler", *dask, "scheduler", *quiet, "--port", port)
        wait_for(lambda: "Scheduler at" in scheduler.err + scheduler.out, 30.0, "the scheduler listens")
        for number in range(2):
            space = ("--nthreads", 1, "--no-nanny", "--local-directory", tmp_path / f"space{number}")
            children.start(f"worker{number}", *dask, "worker", address, *quiet, *space)
        yield address
    finally:
        children.end()


def folder_of_series(tmp_path: Path) -> Path:
    """Return a folder with three series that can be fitted."""
    data = tmp_path / "regions"
    data.mkdir()
    for number, name in enumerate(("north", "south", "west")):
        write_csv(shaped(days=28, seed=number, swing=0.02), data / f"{name}.csv")
    return data


@pytest.mark.slow
def test_a_dask_cluster_gives_what_local_processes_give(tmp_path: Path, cluster: str) -> None:
    """Same code, same forecasts, whoever does the work; models are written where the command runs."""
    data = folder_of_series(tmp_path)
    order = ("forecast", "fit", "--data", data, "--model", "profile_level", "--folds", 3)
    for place, how in (("here", ("--workers", 2)), ("there", ("--scheduler", cluster))):
        done = talon_here(*order, "--model-dir", tmp_path / place, *how)
        assert "3 series fitted, 3 promoted" in done.out, done
    alone = talon_here(
        *order[:3], data / "west.csv", *order[4:], "--model-dir", tmp_path / "one", "--scheduler", cluster
    )
    assert "1 series fitted, 1 promoted" in alone.out, alone
    assert next((tmp_path / "one").glob("*/model.json")).is_file()
    for name in ("north", "south", "west"):
        states = [
            json.loads(next((tmp_path / place / name).glob("*/model.json")).read_text()) for place in ("here", "there")
        ]
        assert states[0] == states[1]


def test_a_scheduler_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """The address is named."""
    data, address = folder_of_series(tmp_path), f"tcp://127.0.0.1:{free_port()}"
    order = ("--data", data, "--model", "profile_level", "--model-dir", tmp_path / "m", "--scheduler", address)
    done = talon_here("forecast", "fit", *order)
    assert (done.code, done.err.count("\n")) == (2, 1), done
    assert f"--scheduler: {address} does not answer" in done.err


def test_a_series_that_cannot_be_fitted_leaves_the_others_be(tmp_path: Path) -> None:
    """Three are fitted and promoted, the fourth is told of, and the command says so at its end."""
    data = folder_of_series(tmp_path)
    write_csv(shaped(days=1), data / "east.csv")
    order = ("fit", "--data", data, "--model", "profile_level", "--folds", 1, "--model-dir", tmp_path / "m")
    assert "1 of 4 series could not be fitted; the first: east: 24 known bins" in refusal(*order)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["north", "south", "west"]


def test_rooms_of_one_log_are_fitted_and_published_apart(tmp_path: Path) -> None:
    """A model and a record of each room that ingest has counted; a word that is no column is refused."""
    groups = {
        ("adults", "visit", "north"): shaped(days=28, seed=1, swing=0.02),
        ("adults", "visit", "south"): shaped(days=28, seed=2, swing=0.02),
        ("kids", "visit", ""): shaped(days=28, seed=3, swing=0.02),
    }
    write_table(groups, tmp_path / "data" / "arrivals.parquet")
    order = (
        "fit",
        "--data",
        tmp_path / "data",
        "--model",
        "profile_level",
        "--folds",
        5,
        "--model-dir",
        tmp_path / "m",
    )
    assert "2 series fitted" in talon(*order, "--by", "room")
    at = format_instant(shaped(days=28).end)
    said = talon("publish", "--model-dir", tmp_path / "m", "--redis", "redis://127.0.0.1:1", "--dry-run", "--at", at)
    records = [ForecastRecord.from_json(line) for line in said.splitlines()]
    assert [(record.room, len(record.steps)) for record in records] == [("adults", 24), ("kids", 24)]
    assert records[0].steps[9].q50 > 1.5 * records[1].steps[9].q50
    assert "--by: 'colour' is none of room, class, region, all" in refusal(*order, "--by", "colour")


def test_the_band_is_that_of_the_backtest_where_what_was_issued_does_not_fit(tmp_path: Path) -> None:
    """A log of other steps teaches nothing, one that is not there is told of; the plan is published all the same."""
    written(tmp_path, shaped(days=28, swing=0.02))
    talon("fit", "--data", tmp_path / "history.csv.gz", "--model", "profile_level", "--model-dir", tmp_path / "m")
    order = ("publish", "--model-dir", tmp_path / "m", "--redis", "redis://127.0.0.1:1", "--dry-run")
    at = ("--at", format_instant(shaped(days=28).end))
    write_log(tmp_path / "f.jsonl")
    plain, other = (
        ForecastRecord.from_json(talon(*order, *at, *more).splitlines()[-1])
        for more in ((), ("--issued", tmp_path / "f.jsonl"))
    )
    assert other.steps == plain.steps
    missing = talon_here("forecast", *order, *at, "--issued", tmp_path / "none.jsonl")
    assert missing.code == 0
    assert "none.jsonl cannot be read: No such file or directory; the bands are those of the backtests" in missing.err

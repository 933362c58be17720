import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from forecasting.cli import app
from forecasting.contract import ForecastRecord
from forecasting.core.metrics import wape
from forecasting.core.series import Series
from forecasting.core.spans import format_instant
from forecasting.sources.csv_series import write_csv
from forecasting.sources.sample import sample_log
from tests.forecasting.made import shaped, usual


def talon(*words: object, code: int = 0) -> str:
    """Run a command, check how it ended, and return what it said: stdout, or stderr of a refusal."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.stderr if code else result.stdout


def refusal(*words: object) -> str:
    """Run a command that must be refused with exit code 2 and one line, and return the line."""
    said = talon(*words, code=2)
    assert said.startswith("talon: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


def written(folder: Path, series: Series, name: str = "history.csv.gz") -> Path:
    """Write a series into a folder and return its path."""
    write_csv(series, folder / name)
    return folder / name


@pytest.mark.slow
def test_predict_writes_the_promised_columns_with_the_default_model(tmp_path: Path) -> None:
    """A day ahead of a known shape: right columns and times, quantiles in order, an error near chance."""
    series, output = shaped(days=28), tmp_path / "out.csv"
    source = written(tmp_path, series)
    talon("predict", "--input", source, "--horizon", 24, "--freq", "h", "--output", output, "--country", "US")
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["ds", "yhat", "yhat_lower", "yhat_upper", "q95"]
    assert [row["ds"] for row in rows] == [format_instant(at) for at in series.ahead(24)]
    table = np.array([[float(row[c]) for c in ("yhat_lower", "yhat", "yhat_upper", "q95")] for row in rows])
    assert np.all(np.diff(table, axis=1) >= 0)
    assert np.all(table >= 0)
    assert wape(usual(series.ahead(24), step=3600, peak=200), table[:, 1]) < 0.2


@pytest.mark.slow
def test_everything_that_can_be_drawn_is_drawn(tmp_path: Path) -> None:
    """Forecast, components, hours of the week, calibration and error by horizon, one below the other."""
    source, picture = written(tmp_path, shaped(days=28)), tmp_path / "all.svg"
    talon("plot", "--data", source, "--model", "prophet", "--what", "all", "--folds", 3, "--output", picture)
    for words in ("80 % band", "times the level", "hour of the day", "share of arrivals under it", "hours ahead"):
        assert words in picture.read_text()
    order = ("plot", "--data", source, "--model", "profile_level", "--output", picture)
    assert "has no Prophet in it" in refusal(*order, "--what", "components")
    assert "--what: 'moon' is none of forecast, components" in refusal(*order, "--what", "moon")


@pytest.mark.slow
def test_a_version_in_service_answers_without_loading_what_fitted_it(tmp_path: Path) -> None:
    """predict and publish need neither Prophet, pandas nor LightGBM's package: that is what made them slow."""
    source, models = written(tmp_path, shaped(days=28)), tmp_path / "models"
    talon("fit", "--data", source, "--model-dir", models, "--folds", 1)
    for words in (
        ["predict", "--horizon", "24", "--output", str(tmp_path / "out.csv")],
        ["publish", "--redis", "redis://127.0.0.1:1", "--dry-run", "--at", format_instant(shaped(days=28).end)],
    ):
        script = (
            "import sys; from forecasting.cli import app\n"
            "try: app(sys.argv[1:])\n"
            "finally: print('loaded', sorted({'prophet', 'pandas', 'lightgbm', 'scipy'} & set(sys.modules)))"
        )
        command = [sys.executable, "-c", script, *words, "--model-dir", str(models)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.endswith("loaded []\n"), done.stdout[-300:] + done.stderr[-300:]


def test_logs_become_a_promoted_model_and_a_plan(tmp_path: Path) -> None:
    """ingest, fit, publish and plot work on the shipped log, sparse as it is, and say that it is."""
    data, models = tmp_path / "data", tmp_path / "models"
    talon("ingest", sample_log(), "--out", data, "--static", "")
    quality = json.loads((data / "quality.json").read_text())
    assert quality["lines_read"] == 1000
    assert (data / "arrivals.csv").read_text().startswith("ds,y\n1995-07-01T04:10:00Z,1\n")
    said = talon("fit", "--data", data, "--model-dir", models, "--model", "profile_level")
    assert "registered and promoted" in said
    card = next(models.glob("*/card.html")).read_text()
    assert "It passed the gate" in card
    assert "<svg" in card
    assert "arrivals an hour: mostly chance" in said
    plan = ["publish", "--model-dir", models, "--redis", "redis://127.0.0.1:1", "--dry-run"]
    capacities = ["--capacity", "primary=25", "--capacity", "backup=5"]
    record = ForecastRecord.from_json(talon(*plan, *capacities, "--at", "1995-09-01T12:20:00Z"))
    assert (record.state, record.model, len(record.steps)) == ("ok", "profile_level", 24)
    assert format_instant(record.steps[0].at) == "1995-09-01T12:00:00Z"
    stale = ForecastRecord.from_json(talon(*plan))
    assert (stale.state, stale.steps) == ("no_forecast", ())
    assert "the history of the model ends 1995-09-01T03:00:00Z" in stale.reason
    talon("plot", "--model-dir", models, "--output", tmp_path / "plan.svg")
    assert "80 % band" in (tmp_path / "plan.svg").read_text()


def test_a_fit_says_what_was_wrong_with_the_logs(tmp_path: Path) -> None:
    """Lines that could not be read, and time of which the logs hold nothing, are told of before anything is fitted."""
    log, data = tmp_path / "access.log", tmp_path / "data"
    log.write_bytes(gzip.decompress(sample_log().read_bytes()) + b"nonsense\n" * 100)
    talon("ingest", log, "--out", data, "--static", "")
    said = talon("fit", "--data", data, "--model-dir", tmp_path / "m", "--model", "profile_level", "--folds", 1)
    assert "note: 9% of the lines of the logs could not be read; see" in said
    assert "note: 9% of the time the logs hold nothing" in said


def test_standard_input_is_read(tmp_path: Path) -> None:
    """`-` reads a packed log from a pipe."""
    result = CliRunner().invoke(app, ["ingest", "-", "--out", str(tmp_path)], input=sample_log().read_bytes())
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "quality.json").read_text())["lines_read"] == 1000


def test_backtest_shows_a_table_and_writes_json(tmp_path: Path) -> None:
    """The baseline is always there, with a ratio of 1."""
    source, scores = written(tmp_path, shaped(days=28, swing=0.02)), tmp_path / "scores.json"
    said = talon("backtest", "--data", source, "--model", "profile_level", "--json", scores, "--folds", 5)
    assert "profile_level" in said
    entries = {entry["model"]: entry for entry in json.loads(scores.read_text())["scores"]}
    assert entries["seasonal_naive"]["ratio"] == 1.0
    assert entries["profile_level"]["ratio"] < 1.0
    assert entries["profile_level"]["folds"] == 5


def test_a_history_of_days_is_fitted_and_its_limits_are_told(tmp_path: Path) -> None:
    """Four days can be used; nothing is hidden about what they are worth."""
    source = written(tmp_path, shaped(days=4))
    said = talon("fit", "--data", source, "--model-dir", tmp_path / "m", "--model", "profile_level")
    assert "4.0 days of history" in said
    assert "registered" in said


def test_plot_fits_a_model_where_there_is_none(tmp_path: Path) -> None:
    """From data alone a PNG is drawn."""
    source = written(tmp_path, shaped(days=14))
    talon("plot", "--data", source, "--model", "profile_level", "--output", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "must end in one of" in refusal(
        "plot", "--data", source, "--model", "profile_level", "--output", tmp_path / "a.gif"
    )


def test_broken_input_is_refused_in_one_line(tmp_path: Path) -> None:
    """Each refusal names the file or the option and what was expected."""
    good, bad, empty = written(tmp_path, shaped(days=28)), tmp_path / "bad.csv", tmp_path / "empty.log"
    bad.write_text("ds,y\n2026-01-01T00:00:00Z,many\n")
    empty.write_bytes(b"")
    out = ["--output", tmp_path / "o.csv", "--horizon", 24, "--freq"]
    assert "bad.csv, line 2: y is 'many'" in refusal("predict", "--input", bad, *out, "h")
    assert "none.csv: cannot be read" in refusal("predict", "--input", tmp_path / "none.csv", *out, "h")
    assert "--freq: 'soon'" in refusal("predict", "--input", good, *out, "soon")
    assert "--freq: '7min'" in refusal("predict", "--input", good, *out, "7min")
    assert "--model: 'x'" in refusal("predict", "--input", good, *out, "h", "--model", "x")
    assert "--country: 'XX'" in refusal("predict", "--input", good, *out, "h", "--country", "XX")
    assert "--timezone: 'Mars'" in refusal("predict", "--input", good, *out, "h", "--timezone", "Mars")
    short = written(tmp_path, shaped(days=1), "short.csv")
    assert "not enough history" in refusal("predict", "--input", short, *out, "h")
    assert "the log is empty" in refusal("ingest", empty, "--out", tmp_path)
    assert "--bin: '7min'" in refusal("ingest", empty, "--out", tmp_path, "--bin", "7min")
    assert "--static: not a regular expression" in refusal("ingest", empty, "--out", tmp_path, "--static", "(")
    store = ["--redis", "redis://127.0.0.1:1", "--model-dir", tmp_path]
    assert "no model is registered here" in refusal("publish", *store)
    assert "--capacity: 'primary'" in refusal("publish", *store, "--capacity", "primary")
    assert "--at: 'noon'" in refusal("publish", *store, "--at", "noon")
    assert "give --data, --model-dir" in refusal("plot", "--output", tmp_path / "a.svg")


def test_help_loads_none_of_the_heavy_libraries() -> None:
    """Importing the commands costs no pandas, Prophet, numpy, holidays or matplotlib."""
    code = "import sys, forecasting.cli; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"pandas", "prophet", "numpy", "holidays", "matplotlib", "redis"} & set(done.stdout.split())
    for command in ("ingest", "fit", "backtest", "predict", "publish", "plot"):
        assert "Example: talon forecast" in talon(command, "--help")


def test_many_series_make_one_table(tmp_path: Path) -> None:
    """A row a series and a line a model, in JSON too; hours are forecast a day ahead, finer bins an hour."""
    folder, scores = tmp_path / "traces", tmp_path / "scores.json"
    folder.mkdir()
    written(folder, shaped(days=28), "hourly.csv.gz")
    written(folder, shaped(days=21, step=900.0, peak=900), "fine.csv")
    words = ["backtest", "--data", folder, "--horizon", "auto", "--folds", 4, "--json", scores]
    said = talon(*words, "--model", "profile_level", "--workers", 2)
    assert "Over all series" in said
    document = json.loads(scores.read_text())
    assert [(each["series"], each["horizon"]) for each in document["series"]] == [("fine", "1h"), ("hourly", "1d")]
    summary = {each["model"]: each for each in document["summary"]}
    assert summary["seasonal_naive"]["ratio"] == pytest.approx(1.0)
    assert summary["profile_level"]["series"] == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no .csv" in refusal("backtest", "--data", empty)


def test_versions_are_listed_promoted_and_rolled_back(tmp_path: Path) -> None:
    """By the commands, as an operator does it in the night."""
    source, models = written(tmp_path, shaped(days=28, swing=0.02)), tmp_path / "models"
    assert "no model is registered here" in talon("list", "--model-dir", models)
    for _ in range(2):
        talon("fit", "--data", source, "--model-dir", models, "--model", "profile_level", "--folds", 3)
    first, second = sorted(path.name for path in models.iterdir() if path.is_dir())
    listed = talon("list", "--model-dir", models)
    assert listed.index(second[:20]) < listed.index(first[:20])
    assert f"in service again: {first}" in talon("rollback", "--model-dir", models)
    assert f"in service: {second}" in talon("promote", second, "--model-dir", models)
    assert "is not a version here" in refusal("promote", "nothing", "--model-dir", models)


def test_a_folder_of_series_is_fitted_side_by_side(tmp_path: Path) -> None:
    """A subfolder of versions for each; what cannot be promoted says why, and a bad file is one line."""
    folder, models = tmp_path / "regions", tmp_path / "models"
    folder.mkdir()
    written(folder, shaped(days=28, swing=0.02), "amur.csv.gz")
    written(folder, shaped(days=2), "perm.csv")
    words = ["fit", "--data", folder, "--model-dir", models, "--model", "profile_level", "--folds", 3, "--workers", 2]
    said = talon(*words)
    assert "2 series fitted, 1 promoted" in said
    assert "too short" in said
    assert (models / "amur" / "current").is_file()
    assert not (models / "perm" / "current").exists()
    (folder / "tula.csv").write_text("ds,y\n2026-11-01T00:00:00Z,many\n")
    assert "tula.csv" in refusal(*words)
    written(folder, shaped(days=28), "amur.csv")
    assert "two files for one series" in refusal(*words)


def test_the_version_in_service_forecasts_without_a_fit(tmp_path: Path) -> None:
    """With a folder of models no history is needed; with both, or neither, the sentence says what to give."""
    source, models, output = written(tmp_path, shaped(days=28, swing=0.02)), tmp_path / "models", tmp_path / "f.csv"
    talon("fit", "--data", source, "--model-dir", models, "--model", "profile_level", "--folds", 3)
    said = talon("predict", "--model-dir", models, "--horizon", 6, "--output", output)
    assert "6 steps of 1h by profile_level" in said
    with output.open() as file:
        assert [row["ds"] for row in csv.DictReader(file)] == [format_instant(at) for at in shaped(days=28).ahead(6)]
    for words in ([], ["--input", source, "--model-dir", models]):
        assert "give either --input" in refusal("predict", "--horizon", 6, "--output", output, *words)

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.models.pointer import current_version
from forecasting.models.registry import read_version, register
from forecasting.models.training import gate, train
from tests.forecasting.made import shaped

SERIES = shaped(days=28, swing=0.02)


def test_a_promoted_version_is_read_back_equal(tmp_path: Path) -> None:
    """Quantiles from the folder equal those before; the manifest tells data, scores and versions."""
    trained = train("profile_level", SERIES, Calendar(zone="Europe/Berlin"), horizon=24, folds=6)
    version = register(trained, SERIES, tmp_path, made_at=1.8e9)
    assert trained.state == "ok"
    assert current_version(tmp_path) == version
    found = read_version(tmp_path, version)
    times = SERIES.ahead(48)
    before, after = trained.fitted.forecast(times), found.fitted.forecast(times)
    assert after.q95 == pytest.approx(before.q95, rel=1e-6)
    assert found.manifest["data"]["known_bins"] == 28 * 24
    assert {entry["model"] for entry in found.manifest["scores"]} == {"seasonal_naive", "profile_level"}
    assert {"python", "prophet", "numpy"} <= set(found.manifest["versions"])


def test_a_model_worse_than_copying_is_registered_but_not_promoted(tmp_path: Path) -> None:
    """The version in service stays; the reason is in the manifest."""
    good = train("profile_level", SERIES, Calendar(), horizon=24, folds=6)
    kept = register(good, SERIES, tmp_path, made_at=1.8e9)
    bad = replace(good, state="no_forecast", reason=gate(replace(good.scores[1], ratio=1.31)))
    version = register(bad, SERIES, tmp_path, made_at=1.8e9 + 60)
    assert version != kept
    assert current_version(tmp_path) == kept
    assert "1.31 times that of seasonal naive" in read_version(tmp_path, version).manifest["reason"]


def test_a_history_too_short_for_a_backtest_gives_no_forecast(tmp_path: Path) -> None:
    """Two days cannot be tested; that is said, and the newest version stands where none was promoted."""
    short = shaped(days=2)
    trained = train("profile_level", short, Calendar(), horizon=24, folds=12)
    assert trained.state == "no_forecast"
    assert "too short" in trained.reason
    assert any("2.0 days of history" in note for note in trained.notes)
    version = register(trained, short, tmp_path, made_at=1.8e9)
    assert not (tmp_path / "current").exists()
    assert current_version(tmp_path) == version
    assert read_version(tmp_path, version).manifest["scores"][0]["wape"] is None


def test_nothing_but_whole_versions_is_left_in_the_folder(tmp_path: Path) -> None:
    """After registering there are no drafts, and everything in a version is JSON."""
    trained = train("seasonal_naive", SERIES, Calendar(), horizon=24, folds=3)
    version = register(trained, SERIES, tmp_path, made_at=1.8e9)
    assert sorted(path.name for path in tmp_path.iterdir()) == [version, "current"]
    for path in (tmp_path / version).iterdir():
        assert isinstance(json.loads(path.read_text()), dict)


def test_a_missing_or_broken_folder_is_one_sentence(tmp_path: Path) -> None:
    """The sentence names the folder or the file and says what to do."""
    with pytest.raises(InputError, match="no model is registered here; make one with: talon forecast fit"):
        current_version(tmp_path)
    trained = train("profile_level", SERIES, Calendar(), horizon=24, folds=3)
    version = register(trained, SERIES, tmp_path, made_at=1.8e9)
    model = tmp_path / version / "model.json"
    document = json.loads(model.read_text())
    model.write_text(json.dumps({**document, "state": {}}))
    with pytest.raises(InputError, match=r"model\.json: not a model of this version"):
        read_version(tmp_path, version)
    model.write_text("{")
    with pytest.raises(InputError, match=r"model\.json: not JSON"):
        read_version(tmp_path, version)


def test_the_calibration_comes_from_forecasts_that_were_issued() -> None:
    """A model in service carries a band learned from scores of past errors."""
    trained = train("profile_level", SERIES, Calendar(), horizon=24, folds=6)
    assert trained.fitted.calibration.errors == 12 * 24
    band = trained.fitted.forecast(SERIES.ahead(24))
    assert np.all(band.q90 > band.q10)

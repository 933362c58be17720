import errno
import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.series import Series
from forecasting.models.pointer import current_version, served
from forecasting.models.registry import read_version, register, version_of
from forecasting.models.service import listing
from forecasting.models.training import Trained, gate, train
from tests.forecasting.made import shaped

SERIES = shaped(days=28, swing=0.02)
OLD = Path(__file__).parent / "old"


def made(trained: Trained, root: Path, made_at: float, series: Series = SERIES) -> str:
    """Register a version and return its name."""
    version = version_of(trained, series, made_at=made_at)
    register(version, root)
    return version.name


def test_a_promoted_version_is_read_back_equal(tmp_path: Path) -> None:
    """Quantiles from the folder equal those before; the manifest tells data, scores and versions."""
    trained = train("profile_level", SERIES, Calendar(zone="Europe/Berlin"), horizon=24, folds=6)
    version = made(trained, tmp_path, 1.8e9, SERIES)
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
    kept = made(good, tmp_path, 1.8e9, SERIES)
    bad = replace(good, state="no_forecast", reason=gate(replace(good.scores[1], ratio=1.31)))
    version = made(bad, tmp_path, 1.8e9 + 60, SERIES)
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
    version = made(trained, tmp_path, 1.8e9, short)
    assert not (tmp_path / "current").exists()
    assert current_version(tmp_path) == version
    assert read_version(tmp_path, version).manifest["scores"][0]["wape"] is None


def test_nothing_but_whole_versions_is_left_in_the_folder(tmp_path: Path) -> None:
    """After registering there are no drafts, and everything in a version is JSON."""
    trained = train("seasonal_naive", SERIES, Calendar(), horizon=24, folds=3)
    version = made(trained, tmp_path, 1.8e9, SERIES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", version, "current"]
    for path in (tmp_path / version).iterdir():
        assert isinstance(json.loads(path.read_text()), dict)


def test_a_missing_or_broken_folder_is_one_sentence(tmp_path: Path) -> None:
    """The sentence names the folder or the file and says what to do."""
    with pytest.raises(InputError, match="no model is registered here; make one with: talon forecast fit"):
        current_version(tmp_path)
    trained = train("profile_level", SERIES, Calendar(), horizon=24, folds=3)
    version = made(trained, tmp_path, 1.8e9, SERIES)
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


def test_two_who_register_at_once_both_are_there_and_one_is_in_service(tmp_path: Path) -> None:
    """Eight threads register eight versions: all whole, all remembered, no draft left."""
    trained = train("seasonal_naive", SERIES, Calendar(), horizon=24, folds=3)
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda day: made(trained, tmp_path, 1.8e9 + day * 86400.0), range(8)))
    assert sorted(served(tmp_path)) == sorted(names)
    assert not list(tmp_path.glob(".2*"))
    assert {entry["state"] for entry in listing(tmp_path)} == {"ok"}


@pytest.mark.parametrize("written", [0, 1])
def test_a_full_disk_leaves_the_version_in_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Whether the first file or the second cannot be written: one sentence, no draft, the old version stays."""
    trained = train("seasonal_naive", SERIES, Calendar(), horizon=24, folds=3)
    kept = made(trained, tmp_path, 1.8e9)
    before, synced = os.fsync, []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > written:
            raise OSError(errno.ENOSPC, "No space left on device")
        before(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="cannot write the model: No space left on device"):
        made(trained, tmp_path, 1.9e9)
    assert current_version(tmp_path) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", kept, "current"]


@pytest.mark.parametrize("path", sorted(OLD.glob("*.json.gz")), ids=lambda path: path.name)
def test_versions_that_earlier_releases_wrote_are_still_read(path: Path, tmp_path: Path) -> None:
    """Each file holds a version as it was written then, and what it forecast."""
    old = json.loads(gzip.decompress(path.read_bytes()))
    folder = tmp_path / old["version"]
    folder.mkdir()
    for name in ("manifest", "model"):
        (folder / f"{name}.json").write_text(json.dumps(old[name]))
    fitted = read_version(tmp_path, current_version(tmp_path)).fitted
    answer = fitted.forecast(fitted.history.ahead(len(old["q50"])))
    assert answer.q50 == pytest.approx(old["q50"], rel=1e-3)
    assert answer.q95 == pytest.approx(old["q95"], rel=1e-3)


def test_a_card_goes_with_the_version(tmp_path: Path) -> None:
    """What is made of the manifest is written beside it."""
    trained = train("seasonal_naive", SERIES, Calendar(), horizon=24, folds=3)
    version = version_of(trained, SERIES, made_at=1.8e9, card=lambda manifest: f"card of {manifest['version']}")
    register(version, tmp_path)
    assert (tmp_path / version.name / "card.html").read_text() == f"card of {version.name}"

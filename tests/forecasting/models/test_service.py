"""The version in service is chosen by hand: promoted, rolled back, and never one that cannot forecast."""

import json
from pathlib import Path

import pytest

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.models.pointer import current_version, served
from forecasting.models.service import in_service, listing, promote, rollback
from forecasting.models.training import train
from tests.forecasting.made import shaped
from tests.forecasting.models.test_registry import made

SERIES = shaped(days=28, swing=0.02)


def test_a_broken_version_in_service_leaves_the_one_before_it_at_work(versions: list[str], tmp_path: Path) -> None:
    """Cut short, from the future: the last whole one is used, and a sentence says so; with none left it is refused."""
    for version, text in ((versions[2], '{"format": 1'), (versions[1], '{"format": 99}')):
        (tmp_path / version / "model.json").write_text(text)
    found, note = in_service(tmp_path)
    assert found.version == versions[0]
    assert f"{versions[2]}/model.json: not JSON; fit again; {versions[0]}, in service before it, is used" in note
    (tmp_path / versions[0] / "model.json").write_text("")
    with pytest.raises(InputError, match=r"model\.json: not JSON"):
        in_service(tmp_path)


@pytest.fixture
def versions(tmp_path: Path) -> list[str]:
    """Three versions, each promoted when it was registered."""
    trained = train("profile_level", SERIES, Calendar(), horizon=24, folds=3)
    return [made(trained, tmp_path, 1.8e9 + day * 86400) for day in range(3)]


def test_rolling_back_goes_through_what_was_in_service_before(tmp_path: Path, versions: list[str]) -> None:
    """Twice back is the first version; further back there is none, and the sentence says so."""
    assert served(tmp_path) == versions[::-1]
    assert [rollback(tmp_path), rollback(tmp_path)] == [versions[1], versions[0]]
    with pytest.raises(InputError, match="no version was in service before the present one"):
        rollback(tmp_path)
    assert current_version(tmp_path) == versions[0]


def test_a_promoted_version_can_be_rolled_back(tmp_path: Path, versions: list[str]) -> None:
    """Promoting an older one is a choice like any other; going back undoes it."""
    promote(tmp_path, versions[0])
    assert current_version(tmp_path) == versions[0]
    assert rollback(tmp_path) == versions[2]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("truncated", "not JSON"),
        ("future", "model of format 99; this version of talon reads 1"),
        ("other columns", "not a model of this version"),
        ("other shape", "cannot forecast"),
    ],
)
def test_a_version_that_cannot_forecast_is_refused_and_the_present_one_stays(
    tmp_path: Path, versions: list[str], broken: str, said: str
) -> None:
    """Cut short, of a format to come, or of other columns: one sentence, and nothing has changed."""
    model = tmp_path / versions[0] / "model.json"
    text = model.read_text()
    document = json.loads(text)
    match broken:
        case "truncated":
            model.write_text(text[: len(text) // 2])
        case "future":
            model.write_text(json.dumps({**document, "format": 99}))
        case "other columns":
            model.write_text(json.dumps({**document, "state": {"columns": ["temperature"]}}))
        case _:
            model.write_text(json.dumps({**document, "state": {**document["state"], "profile": [1.0] * 5}}))
    with pytest.raises(InputError, match=said):
        promote(tmp_path, versions[0])
    assert current_version(tmp_path) == versions[2]


def test_a_version_that_does_not_exist_is_refused_by_name(tmp_path: Path, versions: list[str]) -> None:
    """The sentence names what was asked for and how to see what there is."""
    with pytest.raises(InputError, match="'yesterday' is not a version here; see them with: talon forecast list"):
        promote(tmp_path, "yesterday")
    assert current_version(tmp_path) == versions[2]


def test_the_list_shows_the_newest_first_and_what_is_broken(tmp_path: Path, versions: list[str]) -> None:
    """A manifest that cannot be read does not hide the other versions."""
    (tmp_path / versions[1] / "manifest.json").write_text("{")
    found = listing(tmp_path)
    assert [(entry["version"], entry["state"]) for entry in found] == [
        (versions[2], "ok"),
        (versions[1], "broken"),
        (versions[0], "ok"),
    ]
    assert [entry["in_service"] for entry in found] == [True, False, False]


def test_a_pointer_of_an_older_talon_is_understood(tmp_path: Path, versions: list[str]) -> None:
    """It held one name and nothing else."""
    (tmp_path / "current").write_text(versions[1] + "\n")
    assert current_version(tmp_path) == versions[1]

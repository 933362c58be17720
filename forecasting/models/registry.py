"""The folder of models: one subfolder per version, and a small file that names the one in service.

A version is written beside its final place and moved there whole; `current` is replaced in one step. A
reader sees a complete version or none. Everything is JSON: a model can be read, compared and trusted
without running code that came with it.
"""

import hashlib
import json
import math
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.events import Events, Occurrence
from forecasting.core.intervals import Calibration
from forecasting.core.series import Series
from forecasting.core.spans import format_instant
from forecasting.models.catalogue import load_model
from forecasting.models.pointer import put_in_service
from forecasting.models.state import dump_series, load_series
from forecasting.models.training import Calibrated, Trained

FORMAT = 1

Card = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version read back from the folder."""

    version: str
    manifest: Mapping[str, Any]
    fitted: Calibrated

    @property
    def state(self) -> str:
        """Return `ok`, or `no_forecast` for a version that did not pass the gate."""
        return str(self.manifest["state"])


def digest_of(series: Series) -> str:
    """Return the hash by which a manifest names the data of a fit."""
    return hashlib.sha256(series.values.tobytes() + f"{series.start} {series.step}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version that is made and not written yet: its name, whether it passed the gate, its files by name."""

    name: str
    state: str
    files: Mapping[str, str]


def version_of(trained: Trained, series: Series, *, made_at: float, card: Card | None = None) -> Version:
    """Return the version of a trained model; `card` makes a page about it from its manifest. Nothing is written."""
    digest = digest_of(series)
    stamp = datetime.fromtimestamp(made_at, UTC).strftime("%Y%m%dT%H%M%S%fZ")
    name = f"{stamp}-{digest[:8]}"
    manifest = _manifest(trained, series, name, digest, made_at)
    files = {
        "model.json": _text(_model_document(trained.fitted), indent=None),
        "manifest.json": _text(manifest, indent=2),
    }
    if card is not None:
        files["card.html"] = card(manifest)
    return Version(name=name, state=trained.state, files=files)


def register(version: Version, root: Path) -> None:
    """Write a version, and put it in service if it passed the gate; InputError, and nothing changed, if that fails.

    Other processes may register at the same time: each writes a folder of its own, and the last one is in service.
    """
    draft = root / f".{version.name}.{os.getpid()}"
    try:
        draft.mkdir(parents=True)
        for name, text in version.files.items():
            _write(draft / name, text)
        draft.rename(root / version.name)
        if version.state == "ok":
            put_in_service(root, version.name)
    except OSError as error:
        raise InputError(f"{root}: cannot write the model: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_version(root: Path, version: str) -> Registered:
    """Read a version back; InputError names the file that is missing or broken."""
    manifest, document = _read(root / version / "manifest.json"), _read(root / version / "model.json")
    if document.get("format") != FORMAT:
        raise InputError(
            f"{root / version}: model of format {document.get('format')}; this version of talon reads {FORMAT}; "
            "use the talon that wrote it, or fit again"
        )
    try:
        fitted = _fitted(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{root / version / 'model.json'}: not a model of this version ({error})") from None
    return Registered(version=version, manifest=manifest, fitted=fitted)


def _model_document(fitted: Calibrated) -> dict[str, Any]:
    calendar = fitted.calendar
    return {
        "format": FORMAT,
        "model": fitted.name,
        "calendar": {
            "zone": calendar.zone,
            "country": calendar.country,
            "holidays": {day.isoformat(): name for day, name in sorted(calendar.holidays.items())},
            "weekdays": {day.isoformat(): weekday for day, weekday in sorted(calendar.weekdays.items())},
            "events": [[each.name, each.begin, each.end] for each in calendar.events.occurrences],
            "factors": dict(calendar.events.factors),
        },
        "calibration": asdict(fitted.calibration),
        "history": dump_series(fitted.history),
        "state": dict(fitted.model.dump()),
    }


def _fitted(document: Mapping[str, Any]) -> Calibrated:
    where = document["calendar"]
    days = {date.fromisoformat(day): str(name) for day, name in where["holidays"].items()}
    events = Events(
        occurrences=[Occurrence(name=n, begin=b, end=e) for n, b, e in where.get("events", ())],
        factors=where.get("factors", {}),
    )
    weekdays = {date.fromisoformat(day): int(weekday) for day, weekday in where.get("weekdays", {}).items()}
    calendar = Calendar(zone=where["zone"], country=where["country"], holidays=days, weekdays=weekdays, events=events)
    return Calibrated(
        name=document["model"],
        model=load_model(document["model"], document["state"], calendar),
        calibration=Calibration(**document["calibration"]),
        calendar=calendar,
        history=load_series(document["history"]),
    )


def _manifest(trained: Trained, series: Series, version: str, digest: str, made_at: float) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": version,
        "made_at": format_instant(made_at),
        "state": trained.state,
        "reason": trained.reason,
        "model": trained.fitted.name,
        "data": {
            "sha256": digest,
            "begin": format_instant(series.start),
            "end": format_instant(series.end),
            "bin_seconds": series.step,
            "bins": len(series),
            "known_bins": series.known,
        },
        "scores": [finite(asdict(entry)) for entry in trained.scores],
        "notes": list(trained.notes),
        "versions": {"python": platform.python_version(), **_package_versions()},
    }


def _package_versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in ("numpy", "pandas", "prophet", "lightgbm", "holidays")}


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with None for every number that JSON cannot hold."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _text(document: Mapping[str, Any], *, indent: int | None) -> str:
    return json.dumps(document, indent=indent, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path}: not JSON; fit again") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a JSON object; fit again")
    return document

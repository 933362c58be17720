"""Choosing the version in service by hand: list, promote, roll back.

A version is tried before it is chosen: one that cannot be read, or cannot forecast, leaves the version in service
where it is.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from forecasting.core.errors import InputError
from forecasting.core.spans import WEEK
from forecasting.models.pointer import current_version, point, put_in_service, served
from forecasting.models.registry import Registered, read_version


def in_service(root: Path) -> tuple[Registered, str]:
    """Return the version in service, and what there is to say about it.

    If it cannot be read, the last one before it that can be is used and that is said; InputError if there is none.
    """
    first = current_version(root)
    try:
        return read_version(root, first), ""
    except InputError as error:
        for version in served(root)[1:]:
            with suppress(InputError):
                return read_version(root, version), f"{error}; {version}, in service before it, is used"
        raise


def promote(root: Path, version: str) -> None:
    """Put a version in service; raises InputError, and changes nothing, when it cannot forecast."""
    if not (root / version / "manifest.json").is_file():
        raise InputError(f"{root}: {version!r} is not a version here; see them with: talon forecast list")
    _try(root, version)
    try:
        put_in_service(root, version)
    except OSError as error:
        raise InputError(f"{root}: cannot write: {error.strerror}") from None


def rollback(root: Path) -> str:
    """Put the version in service that was so before the present one, and return it; InputError without one."""
    before = served(root)[1:]
    if not before:
        raise InputError(
            f"{root}: no version was in service before the present one; see them with: talon forecast list"
        )
    _try(root, before[0])
    try:
        point(root, before)
    except OSError as error:
        raise InputError(f"{root}: cannot write: {error.strerror}") from None
    return before[0]


def listing(root: Path) -> list[Mapping[str, Any]]:
    """Return the manifests of all versions, newest first, each with whether it is in service; a broken one says so."""
    now = served(root)[:1]
    found: list[Mapping[str, Any]] = []
    for path in sorted(root.glob("[0-9]*/manifest.json"), reverse=True):
        version = path.parent.name
        found.append({**manifest_of(path), "version": version, "in_service": version in now})
    return found


def manifest_of(path: Path) -> Mapping[str, Any]:
    """Return a manifest; of one that cannot be read, that it is broken."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if isinstance(manifest, dict) and "state" in manifest:
        return manifest
    return {"state": "broken", "reason": "the manifest cannot be read"}


def _try(root: Path, version: str) -> None:
    fitted = read_version(root, version).fitted
    try:
        fitted.forecast(fitted.history.ahead(max(1, round(WEEK / fitted.history.step))))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(f"{root / version}: the model cannot forecast ({error}); fit again") from None

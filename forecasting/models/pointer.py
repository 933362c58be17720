"""The file that says which version is in service: its name, and below it those that were before, newest first.

It is replaced in one step, so a reader sees the old choice or the new one.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from forecasting.core.errors import InputError

POINTER = "current"
REMEMBERED = 20


def served(root: Path) -> list[str]:
    """Return the versions that were put in service, the one in service first; empty when none ever was."""
    try:
        lines = (root / POINTER).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return []
    return [name for name in lines if (root / name / "manifest.json").is_file()]


def point(root: Path, versions: Sequence[str]) -> None:
    """Put the first of the versions in service; the others are those before it."""
    draft = root / f".{POINTER}.{os.getpid()}"
    draft.write_text("".join(f"{name}\n" for name in versions[:REMEMBERED]), encoding="utf-8")
    draft.replace(root / POINTER)


def current_version(root: Path) -> str:
    """Return the version in service, else the newest that was registered; InputError if there is none."""
    named = served(root)
    versions = named or sorted((path.parent.name for path in root.glob("[0-9]*/manifest.json")), reverse=True)
    if not versions:
        raise InputError(f"{root}: no model is registered here; make one with: talon forecast fit")
    return versions[0]

"""The file that says which version is in service: its name, and below it those that were before, newest first.

It is replaced in one step, so a reader sees the old choice or the new one. Writers take turns by a lock on the folder.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


def put_in_service(root: Path, version: str) -> None:
    """Put a version in service, before those that were; raises OSError."""
    with _turn(root):
        point(root, [version, *(name for name in served(root) if name != version)])


def point(root: Path, versions: Sequence[str]) -> None:
    """Put the first of the versions in service; the others are those before it. Raises OSError."""
    draft = root / f".{POINTER}.{os.getpid()}"
    try:
        draft.write_text("".join(f"{name}\n" for name in versions[:REMEMBERED]), encoding="utf-8")
        draft.replace(root / POINTER)
    finally:
        draft.unlink(missing_ok=True)


def current_version(root: Path) -> str:
    """Return the version in service, else the newest that was registered; InputError if there is none."""
    named = served(root)
    versions = named or sorted((path.parent.name for path in root.glob("[0-9]*/manifest.json")), reverse=True)
    if not versions:
        raise InputError(f"{root}: no model is registered here; make one with: talon forecast fit")
    return versions[0]


@contextmanager
def _turn(root: Path) -> Iterator[None]:
    """Wait for other writers; the lock ends with the process, however that ends."""
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

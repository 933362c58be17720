"""Files of secrets: the signing keys', made on first start with mode 0600, and the one that nodes know too.

A file that others may read is refused.
"""

import contextlib
import os
import secrets
from pathlib import Path

from gateway.core.keyring import KeyRing, parse_keyring
from gateway.core.origin_proof import SHORTEST_SECRET
from gateway.errors import ConfigError


def load_keys(path: Path) -> KeyRing:
    """Return the keys of `path`, making the file if it is absent; raises ConfigError that names the line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_keys(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made: {error.strerror}") from error
    return read_keys(path)


def _make_keys(path: Path) -> None:
    """Put the file there with its whole content, for gateways that start at the same time; the first one's counts."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"# Signing keys, newest first. To rotate, put a new line on top.\nk1:{secrets.token_hex(32)}\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def read_keys(path: Path) -> KeyRing:
    """Return the keys of a file that must be there; raises ConfigError that names the line."""
    try:
        return parse_keyring(_private(path).decode("ascii"))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def load_origin_secret(path: Path | None) -> bytes | None:
    """Return the secret that gateway and nodes share, without white space around it; None where there is none."""
    if path is None:
        return None
    secret = _private(path).strip()
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(
            f"{path}: expected at least {SHORTEST_SECRET} characters; make it with `openssl rand -hex 32`"
        )
    return secret


def _private(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read it; run `chmod 600 {path}`")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error

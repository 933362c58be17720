"""The signing keys' file: made on first start with mode 0600, refused when others may read it."""

import os
import secrets
from pathlib import Path

from gateway.core.keyring import KeyRing, parse_keyring
from gateway.errors import ConfigError


def load_keys(path: Path) -> KeyRing:
    """Return the keys of `path`, making the file if it is absent; raises ConfigError that names the line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"# Signing keys, newest first. To rotate, put a new line on top.\nk1:{secrets.token_hex(32)}\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made: {error.strerror}") from error
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read it; run `chmod 600 {path}`")
        return parse_keyring(path.read_text(encoding="ascii"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error

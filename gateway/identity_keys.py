"""The files of keys that verify what the portal says; read at start and on reload.

Shared secrets (HS256 and the signed field) stand in the form of the secrets file, `KEYID:HEX`, one a line, and a file
that others may read is refused. Public keys are PEM blocks, one after the other, or a JSON Web Key Set.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.core.identity_policy import IdentityPolicy
from gateway.core.keyring import MAX_KEYS
from gateway.core.portal_jwt import JwtKey, JwtPolicy
from gateway.errors import ConfigError
from gateway.secrets_file import read_keys

LEAST_RSA_BITS = 2048
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityKeys:
    """What verifies: keys of one kind for the JWT, shared secrets for the signed field; empty where none is read."""

    jwt: Sequence[JwtKey] = ()
    signed_header: Sequence[bytes] = ()


def load_identity_keys(policy: IdentityPolicy) -> IdentityKeys:
    """Return the keys that `policy` names; raises ConfigError that names the file and what was expected."""
    header_file = policy.signed_header.key_file
    shared = tuple(read_keys(header_file).keys.values()) if header_file is not None else ()
    return IdentityKeys(jwt=_jwt_keys(policy.jwt), signed_header=shared)


def _jwt_keys(policy: JwtPolicy) -> Sequence[JwtKey]:
    path = policy.key_file
    if path is None:
        return ()
    if policy.algorithm == "HS256":
        return tuple(OctKey.import_key(secret) for secret in read_keys(path).keys.values())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # a weak key is refused below, in our words
            keys = _public_keys(path, RSAKey if policy.algorithm == "RS256" else ECKey)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: expected keys for {policy.algorithm}: {error}") from error
    if not 1 <= len(keys) <= MAX_KEYS:
        raise ConfigError(f"{path}: expected 1 to {MAX_KEYS} keys for {policy.algorithm}, found {len(keys)}")
    return keys


def _public_keys(path: Path, kind: type[RSAKey] | type[ECKey]) -> Sequence[JwtKey]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if data.lstrip().startswith(b"{"):
        document = orjson.loads(data)
        entries = document.get("keys", [document])
        # A set may hold keys for other uses; those of another kind are passed over.
        keys = [kind.import_key(entry) for entry in entries if entry.get("kty") == kind.key_type]
    else:
        keys = [kind.import_key(match[0]) for match in _PEM.finditer(data)]
    for key in keys:
        _check_strength(path, key)
    return keys


def _check_strength(path: Path, key: RSAKey | ECKey) -> None:
    if isinstance(key, RSAKey) and key.public_key.key_size < LEAST_RSA_BITS:
        raise ConfigError(f"{path}: an RSA key of {key.public_key.key_size} bits; expected at least {LEAST_RSA_BITS}")
    if isinstance(key, ECKey) and key.curve_name != "P-256":
        raise ConfigError(f"{path}: a key on {key.curve_name}; ES256 needs P-256")

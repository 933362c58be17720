"""Files of keys for identities: every form that a portal may give, and a sentence for what is none."""

import json
from pathlib import Path
from typing import Literal

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.core.identity_policy import IdentityPolicy
from gateway.core.portal_jwt import JwtPolicy
from gateway.core.signed_header import SignedHeaderPolicy
from gateway.errors import ConfigError
from gateway.identity_keys import load_identity_keys

RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")


def written(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "portal.keys"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def jwt_policy(path: Path, algorithm: Literal["RS256", "ES256", "HS256"] = "RS256") -> IdentityPolicy:
    return IdentityPolicy(jwt=JwtPolicy(key_file=path, audience="talon", algorithm=algorithm))


def test_nothing_is_read_where_nothing_is_configured() -> None:
    """Without files there are no keys, and so no identities."""
    keys = load_identity_keys(IdentityPolicy())
    assert (keys.jwt, keys.signed_header) == ((), ())


def test_public_keys_come_as_pem_or_as_a_set(tmp_path: Path) -> None:
    """PEM blocks one after the other, one JSON Web Key, or a set, of which keys of another kind are passed over."""
    pem = RSA.as_pem(private=False)
    others = [EC.as_dict(private=False), OKPKey.generate_key("Ed25519").as_dict(private=False)]
    for content, count in (
        (pem, 1),
        (pem + b"# the next one\n" + RSAKey.generate_key(2048).as_pem(private=False), 2),
        (json.dumps(RSA.as_dict(private=False)), 1),
        (json.dumps({"keys": [*others, RSA.as_dict(private=False)]}), 1),
    ):
        path = written(tmp_path, content, 0o644)
        assert len(load_identity_keys(jwt_policy(path)).jwt) == count
    assert len(load_identity_keys(jwt_policy(path, "ES256")).jwt) == 1


def test_shared_secrets_come_in_the_form_of_the_secrets_file(tmp_path: Path) -> None:
    """One KEYID:HEX a line, several while they overlap, for HS256 and for the signed field."""
    path = written(tmp_path, f"new:{'a1' * 32}\nold:{'b2' * 32}\n")
    policy = IdentityPolicy(
        jwt=JwtPolicy(key_file=path, audience="talon", algorithm="HS256"),
        signed_header=SignedHeaderPolicy(key_file=path),
    )
    keys = load_identity_keys(policy)
    assert (len(keys.jwt), keys.signed_header) == (2, (b"\xa1" * 32, b"\xb2" * 32))


@pytest.mark.parametrize(
    ("content", "algorithm", "said"),
    [
        (b"", "RS256", "expected 1 to 8 keys for RS256, found 0"),
        (b"nothing of the kind", "RS256", "expected 1 to 8 keys for RS256, found 0"),
        (EC.as_pem(private=False), "RS256", "expected keys for RS256"),
        (RSA.as_pem(private=False), "ES256", "expected keys for ES256"),
        (RSA.as_pem(private=False), "HS256", "line 1: expected KEYID:HEX"),
        (ECKey.generate_key("P-384").as_pem(private=False), "ES256", "ES256 needs P-256"),
        (b'{"keys": []}', "RS256", "found 0"),
        (b'{"keys": [1]}', "RS256", "expected keys for RS256"),
        (b'{"keys": [', "RS256", "expected keys for RS256"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "RS256", "expected keys for RS256"),
        (RSA.as_pem(private=False) * 9, "RS256", "found 9"),
    ],
)
def test_a_file_that_is_of_no_use_is_refused(
    content: bytes, algorithm: Literal["RS256", "ES256", "HS256"], said: str, tmp_path: Path
) -> None:
    """The start fails with a sentence that names the file and what was expected."""
    path = written(tmp_path, content)
    with pytest.raises(ConfigError, match=said) as caught:
        load_identity_keys(jwt_policy(path, algorithm))
    assert str(path) in str(caught.value)


def test_a_weak_key_is_refused(tmp_path: Path) -> None:
    """An RSA key that can be broken proves nothing."""
    with pytest.warns(match="Key size"):
        weak = RSAKey.generate_key(1024).as_pem(private=False)
    with pytest.raises(ConfigError, match="1024 bits"):
        load_identity_keys(jwt_policy(written(tmp_path, weak)))


def test_a_secret_that_others_may_read_is_none(tmp_path: Path) -> None:
    """The file of a shared secret must be the gateway's alone; one that is not there is named."""
    path = written(tmp_path, f"new:{'a1' * 32}\n", 0o644)
    for policy in (jwt_policy(path, "HS256"), IdentityPolicy(signed_header=SignedHeaderPolicy(key_file=path))):
        with pytest.raises(ConfigError, match="others may read it"):
            load_identity_keys(policy)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_identity_keys(jwt_policy(tmp_path / "missing"))

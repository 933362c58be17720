"""Signed texts: the form that all short tokens of the gateway share.

Token: `VERSION.KEYID.PAYLOAD.SIGNATURE`, the payload in base64url, the signature the first 16 bytes of HMAC-SHA256
over everything before it, with a key that is derived for one use only.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from gateway.core.keyring import KeyRing

MAX_TOKEN = 400


class TextInvalid(Exception):
    """The token is not one of this kind that this gateway or a sister of it has signed."""


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _sign(signed: str, key: bytes) -> str:
    return _b64(hmac.digest(key, signed.encode(), "sha256")[:16])


def sign(version: str, use: str, text: str, keys: KeyRing) -> str:
    """Return the token of a text, signed with the newest key."""
    key_id = keys.signing_id
    key = keys.derive(key_id, use)
    assert key is not None
    signed = f"{version}.{key_id}.{_b64(text.encode())}"
    return f"{signed}.{_sign(signed, key)}"


def read(version: str, use: str, token: str, keys: KeyRing) -> str:
    """Return the text of `token`; raises TextInvalid for anything not signed by a known key for this use."""
    signed, _, signature = token.rpartition(".")
    parts = signed.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3 or parts[0] != version or not token.isascii():
        raise TextInvalid("another kind of token")
    key = keys.derive(parts[1], use)
    if key is None:
        raise TextInvalid("signed with a key that is not in use")
    if not hmac.compare_digest(_sign(signed, key), signature):
        raise TextInvalid("the signature does not fit")
    try:
        return urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode()
    except (ValueError, Base64Error) as error:
        raise TextInvalid("the payload cannot be read") from error

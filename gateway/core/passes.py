"""Passes: signed proof that a visit may go in, as a standard JWT (HS256).

A standard form lets HAProxy, Envoy or nginx verify the pass without us. Claims: `aud` room, `jti` visit,
`iat` first admission, `exp` idle end, `cap` end that no renewal passes, `lane`, `pool` (affinity).
Time is an argument and seconds since the epoch; the pass is valid in `[iat - SKEW, exp)`.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from gateway.core.keyring import KeyRing

ISSUER = "talon"
SKEW = 30.0
MAX_TOKEN = 1200


class PassInvalid(Exception):
    """The token does not admit; the message is the reason, fit for a log line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """An admission of one visit to one room, valid until `expires_at` and renewable until `cap_at`."""

    room: str
    visit: str
    lane: str
    pool: str
    issued_at: float
    expires_at: float
    cap_at: float

    def renewed(self, now: float, idle: float) -> "Pass | None":
        """Return the pass extended to `now + idle`, or None while more than half of it is left."""
        target = min(now + idle, self.cap_at)
        if target - self.expires_at < idle / 2:
            return None
        return replace(self, expires_at=target)


def signing_keys(keys: KeyRing) -> dict[str, bytes]:
    """Return the secrets by which passes are signed, by key id, newest first; whoever has one can make passes."""
    derived = {name: _secret(keys, name) for name in keys.keys}
    return {name: secret for name, secret in derived.items() if secret is not None}


def _secret(keys: KeyRing, key_id: str) -> bytes | None:
    """Return the secret of a key; it has no byte 0, at which HAProxy would take it for ended."""
    secret = keys.derive(key_id, "pass")
    while secret is not None and not all(secret):
        secret = sha256(secret).digest()
    return secret


def _key(keys: KeyRing, key_id: str) -> OctKey:
    secret = _secret(keys, key_id)
    if secret is None:
        raise PassInvalid("signed with a key that is not in use")
    return OctKey.import_key(secret, {"kid": key_id})


def encode(admission: Pass, keys: KeyRing) -> str:
    """Return the JWT of `admission`, signed with the newest key."""
    key_id = keys.signing_id
    claims = {
        "iss": ISSUER,
        "aud": admission.room,
        "jti": admission.visit,
        "iat": int(admission.issued_at),
        "exp": int(admission.expires_at),
        "cap": int(admission.cap_at),
        "lane": admission.lane,
        "pool": admission.pool,
    }
    return jwt.encode({"alg": "HS256", "kid": key_id}, claims, _key(keys, key_id))


def decode(token: str, keys: KeyRing) -> Pass:
    """Return the pass of `token` if a known key signed it; validity in time is `check`'s to say."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise PassInvalid("not a pass")
    try:
        read = jwt.decode(token, lambda signed: _key(keys, str(signed.headers().get("kid"))), algorithms=["HS256"])
        claims: dict[str, Any] = read.claims
        if claims["iss"] != ISSUER:
            raise PassInvalid("another issuer")
        return Pass(
            room=claims["aud"],
            visit=claims["jti"],
            lane=claims["lane"],
            pool=claims["pool"],
            issued_at=float(claims["iat"]),
            expires_at=float(claims["exp"]),
            cap_at=float(claims["cap"]),
        )
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise PassInvalid(f"not a pass: {type(error).__name__}") from error


def check(admission: Pass, *, room: str, now: float) -> None:
    """Raise PassInvalid unless `admission` opens `room` at `now`."""
    if admission.room != room:
        raise PassInvalid("for another room")
    if now >= admission.expires_at:
        raise PassInvalid("expired")
    if now < admission.issued_at - SKEW:
        raise PassInvalid("not valid yet")

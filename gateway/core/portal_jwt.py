"""The portal's JWT: its signature, its time, its audience.

The algorithm is the configuration's, never the token's, and a key file holds keys of that algorithm's kind only, so a
public key can never be taken for a shared secret. Several keys overlap while the portal changes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.core.identity import IdentityInvalid, IdentityResult
from gateway.core.units import Seconds

MAX_TOKEN = 4096
MAX_LEEWAY = 300.0
JwtKey = OctKey | RSAKey | ECKey


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtPolicy:
    """Where the JWT stands, what must be true of it, what its claims mean; without `key_file` none is read."""

    key_file: Path | None = None
    algorithm: Literal["RS256", "ES256", "HS256"] = "RS256"
    header: str = "Authorization"
    cookie: str = ""
    audience: str = ""
    issuer: str = ""
    leeway: Seconds = 10.0
    subject: str = "sub"
    lane: str = ""
    region: str = ""

    def __post_init__(self) -> None:
        if self.key_file is not None and not self.audience:
            raise ValueError("audience: is required with key_file, or tokens for other sites would count here")
        if self.key_file is not None and not (self.header or self.cookie):
            raise ValueError("header or cookie: one is required with key_file")
        if not 0 <= self.leeway <= MAX_LEEWAY:
            raise ValueError("leeway: expected 0s to 5m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The claims of a token that was signed for us, and the times between which it counts."""

    claims: Mapping[str, Any]
    begins: float
    ends: float

    def check(self, now: float, leeway: float) -> None:
        """Raise IdentityInvalid unless the token counts at `now`."""
        if now >= self.ends + leeway:
            raise IdentityInvalid(IdentityResult.EXPIRED)
        if now < self.begins - leeway:
            raise IdentityInvalid(IdentityResult.NOT_YET)


def verify(token: str, keys: Sequence[JwtKey], policy: JwtPolicy) -> Verified:
    """Return what `token` says if one of `keys` signed it for us, or raise IdentityInvalid. Its time is not checked."""
    if len(token) > MAX_TOKEN:
        raise IdentityInvalid(IdentityResult.TOO_LONG)
    claims = _signed_claims(token, keys, policy.algorithm)
    if policy.issuer and claims.get("iss") != policy.issuer:
        raise IdentityInvalid(IdentityResult.OTHER_ISSUER)
    audience = claims.get("aud")
    if policy.audience not in (audience if isinstance(audience, list) else [audience]):
        raise IdentityInvalid(IdentityResult.OTHER_AUDIENCE)
    begins = max(_moment(claims, "nbf", 0.0), _moment(claims, "iat", 0.0))
    return Verified(claims=claims, begins=begins, ends=_moment(claims, "exp", None))


def _signed_claims(token: str, keys: Sequence[JwtKey], algorithm: str) -> dict[str, Any]:
    result = IdentityResult.MALFORMED
    for key in keys:
        try:
            return jwt.decode(token, key, algorithms=[algorithm]).claims
        except BadSignatureError:
            result = IdentityResult.FORGED
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            # Another algorithm, another form, no JSON: whatever it is, no key makes it good.
            raise IdentityInvalid(IdentityResult.MALFORMED) from None
    raise IdentityInvalid(result)


def _moment(claims: Mapping[str, Any], name: str, default: float | None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 2**53 or not isfinite(value):
        raise IdentityInvalid(IdentityResult.MALFORMED)
    return float(value)

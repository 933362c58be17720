"""The signed field: an identity for portals without JWT, in one line of any language.

    Talon-Identity: sub=12345&lane=urgent&region=amur|1785000000|HEX

The part before the first bar is written like a query; then come the portal's time in seconds since 1970 and the
HMAC-SHA256, in lower-case hex, of all before the second bar. It counts for a short time only, so that a line copied
from a log soon opens nothing. Several keys overlap while the portal changes them.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from gateway.core.identity import MAX_VALUES, IdentityInvalid, IdentityResult
from gateway.core.units import Seconds

MAX_FIELD = 1024
MAX_AHEAD = 10.0
"""Seconds by which the portal's clock may be ahead."""
_FORM = re.compile(r"([!-{}~]*)\|([0-9]{1,12})\|([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeaderPolicy:
    """The field's name, the file of shared keys, and how long a line counts; without `key_file` none is read."""

    key_file: Path | None = None
    header: str = "Talon-Identity"
    max_age: Seconds = 60.0

    def __post_init__(self) -> None:
        if not self.header:
            raise ValueError("header: expected the name of a field")
        if not 1 <= self.max_age <= 3600:
            raise ValueError("max_age: expected 1s to 1h")


def sign(said: str, at: int, key: bytes) -> str:
    """Return the field for `said` at the time `at`, as a portal makes it."""
    signed = f"{said}|{at}"
    return f"{signed}|{hmac.digest(key, signed.encode(), 'sha256').hex()}"


def verify(text: str, keys: Iterable[bytes], now: float, max_age: float) -> Mapping[str, str]:
    """Return what a field says if one of `keys` signed it not long before `now`; raises IdentityInvalid."""
    if len(text) > MAX_FIELD:
        raise IdentityInvalid(IdentityResult.TOO_LONG)
    match = _FORM.fullmatch(text)
    if match is None:
        raise IdentityInvalid(IdentityResult.MALFORMED)
    signed = f"{match[1]}|{match[2]}".encode()
    # All keys are tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(hmac.digest(key, signed, "sha256").hex(), match[3]) for key in keys]
    if not any(fits):
        raise IdentityInvalid(IdentityResult.FORGED)
    age = now - int(match[2])
    if age > max_age:
        raise IdentityInvalid(IdentityResult.EXPIRED)
    if age < -MAX_AHEAD:
        raise IdentityInvalid(IdentityResult.NOT_YET)
    try:
        pairs = parse_qsl(match[1], strict_parsing=bool(match[1]), errors="strict", max_num_fields=MAX_VALUES)
    except ValueError:
        raise IdentityInvalid(IdentityResult.MALFORMED) from None
    if len(dict(pairs)) != len(pairs):
        raise IdentityInvalid(IdentityResult.TWICE)
    return dict(pairs)

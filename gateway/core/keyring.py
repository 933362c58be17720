"""The signing keys: the first one signs, all of them verify, so that keys rotate with an overlap.

The file holds one key a line, `KEYID:HEX`, newest first; `#` starts a comment. Every use derives its
own key (domain separation), so a ticket can never pass for an admission pass or the other way round.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_LINE = re.compile(r"([A-Za-z0-9_-]{1,16}):([0-9a-fA-F]{32,128})")
MAX_KEYS = 8


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Key ids with their secrets in order of preference; the first signs."""

    keys: Mapping[str, bytes]
    _derived: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise ValueError(f"expected 1 to {MAX_KEYS} keys, got {len(self.keys)}")

    @property
    def signing_id(self) -> str:
        """The id of the key that signs."""
        return next(iter(self.keys))

    def derive(self, key_id: str, use: str) -> bytes | None:
        """Return the 32-byte key of `key_id` for `use`, or None when the id is not known."""
        cached = self._derived.get((key_id, use))
        if cached is None and (secret := self.keys.get(key_id)) is not None:
            cached = hmac.digest(secret, b"talon:" + use.encode(), "sha256")
            self._derived[key_id, use] = cached
        return cached


def parse_keyring(text: str) -> KeyRing:
    """Read the text of a secrets file; raises ValueError with the line number."""
    keys: dict[str, bytes] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number}: expected KEYID:HEX with 32 to 128 hex digits")
        if match[1] in keys:
            raise ValueError(f"line {number}: key id {match[1]!r} stands twice")
        keys[match[1]] = bytes.fromhex(match[2])
    return KeyRing(keys)

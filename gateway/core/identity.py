"""Who a visitor is, if the portal says so: by a JWT that it signed, or by a signed field.

The gateway believes nothing else: what is missing, doubled, forged, too old or meant for others is no identity at all,
and its visitor queues like everybody. Of the subject only a keyed hash leaves this process, and never its text: no log,
no metric and no key of the store holds it.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.keyring import KeyRing

MAX_TEXT = 256
"""Longest subject, lane, region or claim that is looked at; a longer one counts as not there."""
MAX_VALUES = 32
PERSON_BYTES = 12


class IdentityResult(StrEnum):
    """What became of looking for an identity: the label of its metric."""

    KNOWN = "known"
    ABSENT = "absent"
    TWICE = "twice"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    FORGED = "forged"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    OTHER_AUDIENCE = "other_audience"
    OTHER_ISSUER = "other_issuer"


class IdentityInvalid(Exception):
    """What was given is no identity; `result` says why."""

    def __init__(self, result: IdentityResult) -> None:
        super().__init__(result.value)
        self.result = result


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the portal says of a visitor; `claims` are those that rules may ask for, each with its values as text."""

    subject: str = field(default="", repr=False)
    lane: str = ""
    region: str = ""
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


NOBODY = Identity()


def as_texts(value: object) -> tuple[str, ...]:
    """Return a claim's values as text, as rules compare them: true for a boolean; nothing for other structures."""
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, str | int):
        text = str(value) if isinstance(value, str) or abs(value) < 2**63 else ""
        return (text,) if 0 < len(text) <= MAX_TEXT else ()
    if isinstance(value, list | tuple):
        return tuple(text for one in value[:MAX_VALUES] if not isinstance(one, list | tuple) for text in as_texts(one))
    return ()


def identity_of(said: Mapping[str, object], *, subject: str, lane: str, region: str, rules: Iterable[str]) -> Identity:
    """Return the identity in the claims `said`, of which the others are names; an empty name is not looked for."""

    def one(name: str) -> str:
        found = as_texts(said.get(name)) if name else ()
        return found[0] if len(found) == 1 else ""

    kept = {name: texts for name in rules if (texts := as_texts(said.get(name)))}
    return Identity(subject=one(subject), lane=one(lane), region=one(region), claims=kept)


def person_key(keys: KeyRing, room: str, subject: str, kind: str = "person") -> bytes:
    """Return what the store keeps of a person in a room: a keyed hash that says nothing without the secrets file.

    `kind` keeps subjects of different sources apart.
    """
    key = keys.derive(keys.signing_id, kind)
    assert key is not None
    return hmac.digest(key, f"{room}|{subject}".encode(), "sha256")[:PERSON_BYTES]

"""`Idempotency-Key`: a write whose answer was lost is done once, and its repetition gets the first answer.

After the IETF draft "The Idempotency-Key HTTP Header Field" (HTTPAPI group). A record stands for one key of one
sender: at first it says that the request is under way and who carries it out, then it holds the answer. What a
repetition means follows from the record and from the fingerprint of the request:

    no record             carry it out
    under way             409, ask again shortly
    another fingerprint   422, the key was used for something else
    answered              the stored answer

The sender is part of where a record lies, so a stranger who knows or guesses a key finds nothing. Pure: records in,
meaning out; the store keeps them, and replaces or deletes one only for whoever carries the request out.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from string import ascii_letters, digits, punctuation

import orjson

from gateway.core.units import Seconds

METHODS = frozenset({"POST", "PATCH"})
MAX_KEY = 255
MAX_ANSWER = 65_536
"""Largest body of an answer that is stored, bytes."""
_ALLOWED = frozenset(ascii_letters + digits + punctuation) - {'"', "\\"}


class KeyInvalid(ValueError):
    """The header cannot be used; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyPolicy:
    """Whether keys are honoured, how long answers are kept, and the largest body in bytes that is protected."""

    enabled: bool = True
    keep: Seconds = 3600.0
    unknown: Seconds = 10.0
    max_body: int = 65_536

    def __post_init__(self) -> None:
        if not 0 < self.unknown <= self.keep <= 7 * 86_400:
            raise ValueError("expected 0s < unknown <= keep <= 7d")
        if not 0 <= self.max_body <= 1_000_000:
            raise ValueError("max_body must be in 0..1000000")


class Meaning(Enum):
    """What a record means for a request with the same key."""

    UNDER_WAY = "under_way"
    OTHER = "other"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A stored answer: status, fields as they are sent, body."""

    status: int
    fields: Sequence[tuple[str, str]]
    body: bytes


def read_key(header: str) -> str:
    """Return the key of the field, a quoted string or a bare token; raises KeyInvalid."""
    text = header.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not 1 <= len(text) <= MAX_KEY or not set(text) <= _ALLOWED:
        raise KeyInvalid(f"expected one string of 1 to {MAX_KEY} visible characters without quotes and backslashes")
    return text


def place_of(sender: str, key: str) -> str:
    """Return where the record of a sender's key lies: 32 hex digits from which neither can be read."""
    return blake2b(f"{len(sender)}|{sender}|{key}".encode(), digest_size=16).hexdigest()


def fingerprint(method: str, target: str, content_type: str, body: bytes) -> str:
    """Return what tells two requests apart, 32 hex digits."""
    head = "\n".join((method, target, content_type)).encode()
    return blake2b(head + b"\n" + body, digest_size=16).hexdigest()


def under_way(mark: str, owner: str) -> bytes:
    """Return the record of a request with fingerprint `mark` that `owner` carries out."""
    return orjson.dumps({"mark": mark, "owner": owner})


def answered(mark: str, answer: Answer) -> bytes:
    """Return the record of an answered request."""
    body = b64encode(answer.body).decode()
    return orjson.dumps({"mark": mark, "status": answer.status, "fields": list(answer.fields), "body": body})


def read_record(raw: bytes, mark: str) -> tuple[Meaning, Answer | None]:
    """Return what a record means for a request with fingerprint `mark`; one that cannot be read is under way."""
    try:
        record = orjson.loads(raw)
        if record["mark"] != mark:
            return Meaning.OTHER, None
        if "status" not in record:
            return Meaning.UNDER_WAY, None
        fields = tuple((str(name), str(value)) for name, value in record["fields"])
        return Meaning.ANSWERED, Answer(status=int(record["status"]), fields=fields, body=b64decode(record["body"]))
    except (ValueError, TypeError, KeyError):
        return Meaning.UNDER_WAY, None


def is_final(status: int) -> bool:
    """Whether an answer settles the request, so that its repetition gets the same: not what asks to come again."""
    return status < 500 and status not in (408, 425, 429)

"""The operator's settings of a room: pause, or a rate by hand, each with author, reason and an end."""

import json
from dataclasses import asdict, dataclass

MAX_TTL = 86_400.0


class ControlInvalid(ValueError):
    """The operator's request cannot be used; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """`action` is pause, rate or resume; it ends by itself at `until` (store time, seconds)."""

    action: str = "resume"
    rate: float = 0.0
    author: str = ""
    reason: str = ""
    until: float = 0.0

    def __post_init__(self) -> None:
        if self.action not in ("pause", "resume", "rate"):
            raise ControlInvalid(f"action: expected pause, resume or rate, got {self.action!r}")
        if self.action == "rate" and not 0 < self.rate <= 1e6:
            raise ControlInvalid("rate: expected visits/s above 0")
        if self.action != "resume" and not (self.author.strip() and self.reason.strip()):
            raise ControlInvalid("author and reason: expected both, so that the others know who did what and why")
        if len(self.author) > 100 or len(self.reason) > 300:
            raise ControlInvalid("author and reason: expected at most 100 and 300 characters")

    def active(self, now: float) -> bool:
        """Whether the setting rules the room now."""
        return self.action != "resume" and now < self.until

    def to_bytes(self) -> bytes:
        """Return the JSON form."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Control":
        """Read what `to_bytes` wrote; anything else is no setting."""
        try:
            body = json.loads(raw) if raw else {}
            return cls(**{**body, "until": float(body.get("until", 0.0))})
        except (ValueError, TypeError, AttributeError, OverflowError):
            return cls()

"""The operator's settings of a room: pause, close, no free slots, or a rate, each with author, reason and an end."""

import json
from dataclasses import asdict, dataclass

from gateway.core.admission import RateReason

MAX_TTL = 86_400.0
ACTIONS = ("pause", "close", "exhausted", "rate", "observe", "resume")


class ControlInvalid(ValueError):
    """The operator's request cannot be used; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """`action` is one of ACTIONS; it ends by itself at `until` (store time, seconds).

    `back_at` is what visitors are told: when booking goes on, 0 when nobody knows. `automatic` says that the backend's
    answers set it, not an operator.
    """

    action: str = "resume"
    rate: float = 0.0
    author: str = ""
    reason: str = ""
    until: float = 0.0
    back_at: float = 0.0
    automatic: bool = False

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ControlInvalid(f"action: expected one of {', '.join(ACTIONS)}; got {self.action!r}")
        if self.action == "rate" and not 0 < self.rate <= 1e6:
            raise ControlInvalid("rate: expected visits/s above 0")
        if self.action != "resume" and not (self.author.strip() and self.reason.strip()):
            raise ControlInvalid("author and reason: expected both, so that the others know who did what and why")
        if len(self.author) > 100 or len(self.reason) > 300:
            raise ControlInvalid("author and reason: expected at most 100 and 300 characters")

    def active(self, now: float) -> bool:
        """Whether the setting rules the room now."""
        return self.action != "resume" and now < self.until

    def observes(self, now: float) -> bool:
        """Whether everybody is let through now, and only noted."""
        return self.action == "observe" and self.active(now)

    @property
    def ruling(self) -> tuple[float, RateReason]:
        """The admission rate of a room that this setting rules, and the reason that is shown for it."""
        match self.action:
            case "rate":
                return self.rate, RateReason.MANUAL
            case "close":
                return 0.0, RateReason.CLOSED
            case "exhausted":
                return 0.0, RateReason.EXHAUSTED
            case _:
                return 0.0, RateReason.PAUSED

    def to_bytes(self) -> bytes:
        """Return the JSON form."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Control":
        """Read what `to_bytes` wrote; anything else is no setting."""
        try:
            body = json.loads(raw) if raw else {}
            times = {name: float(body.get(name, 0.0)) for name in ("until", "back_at")}
            return cls(**{**body, **times})
        except (ValueError, TypeError, AttributeError, OverflowError):
            return cls()

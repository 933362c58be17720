"""An operator's command about one node: out of choice, or back in, with author, reason and an end if wanted."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from gateway.core.control import ControlInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """`until` is when a drain ends by itself, seconds since the epoch; 0 for when it is enabled again."""

    pool: str
    node: str
    action: Literal["drain", "enable"]
    author: str
    reason: str
    until: float = 0.0

    def __post_init__(self) -> None:
        if self.action not in ("drain", "enable"):
            raise ControlInvalid(f"action: expected drain or enable; got {self.action!r}")
        if not (self.author.strip() and self.reason.strip()):
            raise ControlInvalid("author and reason: expected both, so that the others know who did what and why")
        if len(self.author) > 100 or len(self.reason) > 300:
            raise ControlInvalid("author and reason: expected at most 100 and 300 characters")

    @property
    def place(self) -> str:
        """What the change is stored under: one for each node of a pool."""
        return f"{self.pool} {self.node}"

    def drains(self, now: float) -> bool:
        """Whether the node is out of choice at `now`."""
        return self.action == "drain" and (self.until == 0 or now < self.until)

    def to_bytes(self) -> bytes:
        """Return the JSON form."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "NodeChange | None":
        """Read what `to_bytes` wrote; None for anything else."""
        try:
            body = json.loads(raw)
            return cls(**{**body, "until": float(body.get("until", 0.0))})
        except (ValueError, TypeError, AttributeError):
            return None

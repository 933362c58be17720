"""Retries that cannot become a storm: at most a share of the requests, and only where asking twice does no harm.

Each request puts `share` of a retry into the budget, each retry of one that was sent takes one out, at most
`RESERVE` are saved up. So however many answers fail, the nodes get at most (1 + share) times the requests of
visitors, and RESERVE more (Envoy's and Finagle's budget). A retry is allowed

    not_sent    the request has not reached a node: every method
    no_answer   it has, and no usable answer came: safe methods only (RFC 9110, 9.2.1), or any with a key they honour

A timeout is not repeated: the node is slow, and asking again makes it slower.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.core.units import Seconds

RESERVE = 10.0
FIRST = 3.0
"""Retries that are there at the start."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
RETRIED_STATUSES = frozenset({502, 503, 504})
"""Answers by which a node says that it could not do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`share` of the requests that may be repeated, 0 for none; `attempts` of one request, the first one included.

    `keyed`: the nodes honour `Idempotency-Key`, so that writes with one may be repeated too. `hedge_after` is the time,
    0 for never, after which a safe request without an answer is sent to a second node as well.
    """

    share: float = 0.1
    attempts: int = 2
    keyed: bool = False
    hedge_after: Seconds = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be in 0..1, got {self.share}")
        if not 1 <= self.attempts <= 5:
            raise ValueError(f"attempts must be in 1..5, got {self.attempts}")
        if self.hedge_after < 0:
            raise ValueError("hedge_after must not be negative")


class Failed(Enum):
    """How an attempt ended without a usable answer."""

    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"
    TIMEOUT = "timeout"


@dataclass(slots=True)
class RetryBudget:
    """Owns the budget of one pool."""

    policy: RetryPolicy
    saved: float = FIRST

    def note_request(self) -> None:
        """Count one request of a visitor."""
        if self.saved < RESERVE:
            self.saved = min(self.saved + self.policy.share, RESERVE)

    def spend(self, failed: Failed, method: str, *, attempt: int, keyed: bool) -> bool:
        """Whether a request whose `attempt`-th attempt has failed is sent once more; takes it out of the budget."""
        if attempt >= self.policy.attempts:
            return False
        if failed is Failed.NOT_SENT:
            return self.policy.share > 0  # it costs the nodes nothing
        harmless = failed is Failed.NO_ANSWER and (method in SAFE or (keyed and self.policy.keyed))
        if not harmless or self.saved < 1.0:
            return False
        self.saved -= 1.0
        return True

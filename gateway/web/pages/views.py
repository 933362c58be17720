"""What each page shows, as values: the gate fills them in, the renderer never looks anything up."""

from dataclasses import dataclass
from enum import StrEnum

EMERGENCY_NUMBERS = ("103", "112")
LONGEST_MESSAGE = 200
LONGEST_REFERENCE = 64
LONGEST_ALTERNATIVE = 120
MOST_ALTERNATIVES = 6
MOST_EMERGENCY_NUMBERS = 4


class WaitingState(StrEnum):
    """Why a visitor is looking at the waiting page."""

    PREQUEUE = "prequeue"
    WAITING = "waiting"
    WAITING_UNKNOWN = "waiting_unknown"
    SLOWER = "slower"
    SOON = "soon"
    CONFIRM = "confirm"
    ADMITTED = "admitted"
    MISSED = "missed"
    RETURNING = "returning"
    SLOTS_EXHAUSTED = "slots_exhausted"
    PAUSED = "paused"
    FULL = "full"
    CLOSED = "closed"
    LIMITED = "limited"
    STORE_DOWN = "store_down"


class EntryState(StrEnum):
    """Why a visitor looks at the page before the queue."""

    COME_AGAIN = "come_again"
    NO_COOKIES = "no_cookies"


class RoomState(StrEnum):
    """State of a room on the public status page."""

    PREQUEUE = "prequeue"
    OPEN = "open"
    QUEUEING = "queueing"
    PAUSED = "paused"
    CLOSED = "closed"
    SLOTS_EXHAUSTED = "slots_exhausted"
    STORE_DOWN = "store_down"


POLLED = frozenset(
    {
        WaitingState.PREQUEUE,
        WaitingState.WAITING,
        WaitingState.WAITING_UNKNOWN,
        WaitingState.SLOWER,
        WaitingState.SOON,
        WaitingState.SLOTS_EXHAUSTED,
        WaitingState.PAUSED,
        WaitingState.CLOSED,
        WaitingState.STORE_DOWN,
    }
)
"""States in which the visitor holds a place, so that the page asks how the queue moves."""

STALLED = frozenset({WaitingState.SLOTS_EXHAUSTED, WaitingState.PAUSED, WaitingState.CLOSED, WaitingState.STORE_DOWN})
"""States of the whole room in which nobody is let in; the room's own state has the same name."""

UNCOUNTED = frozenset({WaitingState.PREQUEUE, WaitingState.MISSED, WaitingState.RETURNING, WaitingState.STORE_DOWN})
"""States in which the number of people ahead is not known or means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """What stands on every page for visitors: urgent help, which is never empty, and other ways to book."""

    emergency: tuple[str, ...] = EMERGENCY_NUMBERS
    alternatives: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.emergency or not all(number.strip() for number in self.emergency):
            raise ValueError("emergency must name at least one telephone number; it cannot be switched off")
        if len(self.emergency) > MOST_EMERGENCY_NUMBERS:
            raise ValueError(f"emergency names {len(self.emergency)} numbers; at most {MOST_EMERGENCY_NUMBERS}")
        if len(self.alternatives) > MOST_ALTERNATIVES:
            raise ValueError(f"{len(self.alternatives)} alternatives; at most {MOST_ALTERNATIVES} are shown")
        for label, text in self.alternatives:
            if not label.strip() or len(label) > LONGEST_ALTERNATIVE or len(text) > LONGEST_ALTERNATIVE:
                raise ValueError(
                    f"alternative {label!r}: a label and a text of at most {LONGEST_ALTERNATIVE} characters each"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """One visitor's waiting page; times are seconds, those of type str are local times with their zone, or empty.

    `ahead` and the estimate are None when they are not known. `ahead_at_join` draws the progress bar; when
    it is None the page's script remembers the first number it saw. `kept_seconds` is how long a place is kept
    after its visitor was last heard of, `claim_seconds` how long a turn waits for its visitor, `visit_seconds`
    how long a visit may last at least. `turn` is the position that is called where it is not the number.
    `slower_reason` is one of `texts.SLOWER`, or empty.
    """

    room: str
    state: WaitingState
    ahead: int | None = None
    position: int | None = None
    eta_low_seconds: float | None = None
    eta_high_seconds: float | None = None
    retry_after: int
    ticket_number: int | None = None
    turn: int | None = None
    lane: str
    reference: str
    updated: str
    poll_url: str
    entry_url: str
    auto: bool = False
    operator_message: str = ""
    alternatives: tuple[tuple[str, str], ...] = ()
    emergency: tuple[str, ...] = EMERGENCY_NUMBERS
    ahead_at_join: int | None = None
    opens_at: str = ""
    opens_in_seconds: int | None = None
    seed_hash: str = ""
    until: str = ""
    kept_until: str = ""
    kept_seconds: int = 180
    claim_seconds: int = 120
    visit_seconds: int = 1200
    quieter_after: str = ""
    slower_reason: str = ""
    place_code: str = ""
    cookies_off: bool = False

    def __post_init__(self) -> None:
        Help(emergency=self.emergency, alternatives=self.alternatives)
        if self.retry_after < 1:
            raise ValueError(f"retry_after must be at least 1 second, not {self.retry_after}")
        if self.ahead is not None and self.ahead < 0:
            raise ValueError(f"ahead must be 0 or more, not {self.ahead}")

    @property
    def people_ahead(self) -> int | None:
        """Return the number ahead, from the position when only that is known."""
        if self.ahead is None and self.position is not None:
            return max(0, self.position - 1)
        return self.ahead

    @property
    def polled(self) -> bool:
        """Tell whether the page asks for news: only where the visitor holds a numbered place."""
        return self.state in POLLED and self.ticket_number is not None

    @property
    def comes_again(self) -> bool:
        """Tell whether the page asks for itself again: the shared document cannot show the turn of a returner."""
        return self.auto or self.state is WaitingState.RETURNING


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """The page before the queue: come again in a moment with `slip`, or cookies are off and are explained.

    With `bits` the page's script first does a proof of work on the slip; a browser without scripts comes again after
    `slow` seconds instead of `retry_after`.
    """

    state: EntryState
    reference: str
    updated: str
    entry_url: str
    retry_after: int = 1
    slow: int = 1
    slip: str = ""
    bits: int = 0
    operator_message: str = ""
    alternatives: tuple[tuple[str, str], ...] = ()
    emergency: tuple[str, ...] = EMERGENCY_NUMBERS

    def __post_init__(self) -> None:
        Help(emergency=self.emergency, alternatives=self.alternatives)
        if self.retry_after < 1 or self.slow < self.retry_after:
            raise ValueError(f"retry_after must be at least 1 second and at most slow, not {self.retry_after}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorView:
    """A request that the clinics' system did not answer well: status 502, 503 or 504.

    `wrote` says that the request may have changed something, so that the page warns against doing it twice.
    """

    status: int
    reference: str
    updated: str
    retry_url: str
    wrote: bool = False
    retry_after: int | None = None
    operator_message: str = ""
    alternatives: tuple[tuple[str, str], ...] = ()
    emergency: tuple[str, ...] = EMERGENCY_NUMBERS

    def __post_init__(self) -> None:
        Help(emergency=self.emergency, alternatives=self.alternatives)
        if self.status not in (502, 503, 504):
            raise ValueError(f"an error page has status 502, 503 or 504, not {self.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatus:
    """One room on the status page; numbers are None when they are not known."""

    name: str
    state: RoomState
    waiting: int | None = None
    wait_low_seconds: float | None = None
    wait_high_seconds: float | None = None
    quieter_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The public status page; `quieter_after` of a room is a local time with its zone, or empty."""

    rooms: tuple[RoomStatus, ...]
    reference: str
    updated: str
    store_up: bool = True
    page_url: str = "/_talon/status"
    operator_message: str = ""
    alternatives: tuple[tuple[str, str], ...] = ()
    emergency: tuple[str, ...] = EMERGENCY_NUMBERS

    def __post_init__(self) -> None:
        Help(emergency=self.emergency, alternatives=self.alternatives)

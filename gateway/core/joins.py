"""Who may take a new place: the rules of a room against ticket farming.

Three things stand in the way of taking places by the thousand. Budgets limit new places for each address, each wider
network and each person. With `second_contact` a place is given only to who comes back with the slip of the first
contact, which costs the store nothing. With `proof_of_work` the slip must come with a number that takes some computing
to find; who cannot run the page's script waits longer instead, and pays more of the budget. Polls of a place that
is held are never among them; they have a budget of their own, which never touches the place.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.core.budget import Rate
from gateway.core.entry_slip import Slip

SHORTEST, LONGEST, SKEW = 0.8, 300.0, 5.0
"""Age of a slip that opens the way, in seconds; and how far the clocks that two gateways have read may differ."""
UNPROVEN_AGE = 20.0
UNPROVEN_COST = 10
MAX_BITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinPolicy:
    """The rules of a room; rates are places a minute, 0 is no limit, and each may come as `burst` at once."""

    per_address: float = 240
    burst: float = 240
    per_network: float = 960
    per_person: float = 10
    polls: float = 240
    second_contact: bool = False
    proof_of_work: int = 0

    def __post_init__(self) -> None:
        if min(self.per_address, self.per_network, self.per_person, self.polls) < 0:
            raise ValueError("per_address, per_network, per_person and polls: expected 0 for no limit, or more")
        if self.burst < 1:
            raise ValueError("burst: expected at least 1")
        if not 0 <= self.proof_of_work <= MAX_BITS:
            raise ValueError(f"proof_of_work: expected 0 for none, at most {MAX_BITS} bits")
        if self.proof_of_work and not self.second_contact:
            raise ValueError("proof_of_work: needs second_contact: true, for the slip is what is worked on")

    @property
    def address_rate(self) -> Rate:
        """New places for one IPv4 address or IPv6 /64."""
        return Rate(per_minute=self.per_address, burst=self.burst)

    @property
    def network_rate(self) -> Rate:
        """New places for one IPv6 /48."""
        return Rate(per_minute=self.per_network, burst=max(self.burst, self.per_network))

    @property
    def person_rate(self) -> Rate:
        """New places for one person whom the portal has named."""
        return Rate(per_minute=self.per_person, burst=max(1.0, self.per_person))

    @property
    def poll_rate(self) -> Rate:
        """Questions after one place that still waits."""
        return Rate(per_minute=self.polls, burst=max(1.0, self.polls / 4))


class Entry(StrEnum):
    """What a slip is worth."""

    JOIN = "join"
    UNPROVEN = "unproven"
    EARLY = "early"
    NONE = "none"


def judge(slip: Slip | None, *, room: str, now: float, proven: bool, policy: JoinPolicy) -> Entry:
    """Tell whether the slip opens the way to a place at `now`, must ripen, or has to be replaced by a new one."""
    age = now - slip.made_at if slip is not None and slip.room == room else LONGEST
    if not -SKEW <= age < LONGEST:
        return Entry.NONE
    if age < SHORTEST:
        return Entry.EARLY
    if not policy.proof_of_work or proven:
        return Entry.JOIN
    return Entry.UNPROVEN if age >= UNPROVEN_AGE else Entry.EARLY

"""What a store must know of a room: its lanes and the times that rule tickets."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomOptions:
    """Lanes in order, most waiters, and in seconds: presence grace, claim window, how long claims are kept.

    A gateway's report counts for `report_age` seconds: one that died takes its share of the load with it.
    After `roll_after` numbers and `quiet` seconds without a claim an empty room begins a new epoch.
    """

    lanes: Sequence[str]
    max_waiting: int = 1_000_000
    grace: float = 120.0
    claim_window: float = 120.0
    keep_claims: float = 900.0
    report_age: float = 3.0
    roll_after: int = 1_000_000
    quiet: float = 60.0

"""No-shows: the share of calls that bring nobody in, and the calls that make up for it.

To get `wanted` arrivals at a share p of calls that nobody claims, call `wanted / (1 - p)`; p is bounded by `ceiling`,
so that a broken client cannot open the flood gate.

A call is known to be a no-show only when its claim window has passed, minutes later. Held against the claims of the
same span such no-shows say too little while calls speed up and too much while they slow down, and nothing at all in
the first minutes. Claims come sooner: a visit that claims does so d seconds after its call, on average. So claims
are held against the calls that were made d ago, both forgotten alike: over `memory` calls, but over no less than
`SPAN` seconds, so that a busy room learns from more calls and a quiet one does not forget overnight.

    1 - p = claims / calls made d ago          coming = (1 - p) x calls younger than d

The delay d is measured at claims (`Turns`). Seconds are counted from view to view and never back, at most `GAP` of them
at a time, so a clock that jumps does not age anything. A visit that goes straight in where nobody waits is no call that
could have been missed, and counts for nothing here. Who leaves after the call is one of those who do not come.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from math import exp

from gateway.core.room import RoomView

PRIOR = 10.0
"""Calls that are taken as claimed before anything is known."""
SPAN = 20.0
"""Seconds over which calls are forgotten where there are many."""
GAP = 1.0
"""Seconds that count between two views, however many the clock says."""
FIRST_DELAY = 5.0
"""Seconds from call to claim before one has been measured."""


@dataclass(slots=True)
class NoShow:
    """Learns the share from the growing counters of a room."""

    memory: float = 500.0
    ceiling: float = 0.6
    delay: float = FIRST_DELAY
    turns: dict[str, "Turns"] = field(default_factory=dict)
    _claims: float = PRIOR
    _ripe: float = PRIOR
    _young: deque[tuple[float, int]] = field(default_factory=deque)
    _young_calls: int = 0
    _seen: tuple[int, int] | None = None
    _at: float | None = None
    _time: float = 0.0
    _quiet: bool = False
    _delays: int = 5

    @property
    def share(self) -> float:
        """The share of calls that nobody claims."""
        return min(max(0.0, 1.0 - self._claims / self._ripe), 1.0)

    @property
    def worth(self) -> float:
        """The arrivals that a call brings, on average: never so few that the flood gate opens."""
        return 1.0 - min(self.share, self.ceiling)

    @property
    def coming(self) -> float:
        """Visits that have been called and will claim."""
        return self._young_calls * (1.0 - self.share)

    def observe(self, view: RoomView) -> None:
        """Take a fresh view; falling counters, those of a new epoch, begin anew with what is known."""
        elapsed = 0.0 if self._at is None else min(max(0.0, view.now - self._at), GAP)
        self._at, self._time = view.now, self._time + elapsed
        for name, lane in view.lanes.items():
            self.turns.setdefault(name, Turns()).observe(lane.serving, self._time)
        lanes = view.lanes.values()
        calls, claims = sum(lane.calls for lane in lanes), sum(lane.claims for lane in lanes)
        old_calls, old_claims = self._seen or (calls, claims)
        if calls < old_calls or claims < old_claims:
            self._young.clear()
            self._young_calls = 0
            old_calls, old_claims = calls, claims
        made, claimed = calls - old_calls, claims - old_claims
        at_once = min(made, claimed) if self._quiet else 0
        if made > at_once:
            self._young.append((self._time, made - at_once))
            self._young_calls += made - at_once
        self._take(self._ripen(), claimed - at_once, elapsed)
        self._seen, self._quiet = (calls, claims), view.waiting == 0

    def note_claim(self, lane: str, number: int) -> None:
        """Learn from a visit that claims now how long that took."""
        called_at = self.turns[lane].called_at(number) if lane in self.turns else None
        if called_at is not None:
            self._delays = min(self._delays + 1, 100)
            self.delay += (self._time - called_at - self.delay) / self._delays

    def calls_for(self, wanted: float) -> float:
        """Return the calls that bring `wanted` arrivals."""
        return wanted / self.worth

    def _ripen(self) -> int:
        ripe = 0
        while self._young and self._young[0][0] <= self._time - self.delay:
            ripe += self._young.popleft()[1]
        self._young_calls -= ripe
        return ripe

    def _take(self, ripe: int, claimed: int, elapsed: float) -> None:
        kept = exp(-min(ripe / self.memory, elapsed / SPAN))
        self._ripe = self._ripe * kept + ripe
        self._claims = self._claims * kept + claimed


@dataclass(slots=True)
class Turns:
    """When the counter of a lane passed which number, for the last `keep` seconds of a clock that never goes back."""

    keep: float = 300.0
    _at: list[float] = field(default_factory=list)
    _serving: list[int] = field(default_factory=list)

    def observe(self, serving: int, now: float) -> None:
        """Take the counter as it is now; one that falls begins anew."""
        if self._serving and serving < self._serving[-1]:
            self._at.clear()
            self._serving.clear()
        if not self._serving or serving > self._serving[-1]:
            self._at.append(now)
            self._serving.append(serving)
        old = bisect_left(self._at, now - self.keep)
        if old > len(self._at) // 2:
            del self._at[:old], self._serving[:old]

    def called_at(self, number: int) -> float | None:
        """Return when the number was seen to be passed; None when that is too long ago or not yet."""
        place = bisect_left(self._serving, number)
        return self._at[place] if 0 < place < len(self._serving) else None

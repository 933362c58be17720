"""What the gateways that follow take over from the one that leads, and when the leader can see all of them.

Calls are made by the leader's windows, and by the backups that it holds open. A gateway that chose a pool by windows
of its own, learned while it was away, say, would send to one pool the visits that were called for another. When the
store's clock jumps, the reports of all others look too old until they have sent new ones, and their visits seem gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from gateway.core.admission import PoolAdmission
from gateway.core.reports import Lead
from gateway.core.spillover import Spillover

GAP = 2.0
"""Seconds between two views from which on reports may be missing; a report counts for 3."""
BLIND = 1.0
"""Seconds after which all gateways that are there have reported again."""


@dataclass(slots=True)
class Sight:
    """Whether a view shows the reports of all gateways: not at once after a jump of the clock, or a gap."""

    _seen_at: float | None = None
    _clear_from: float = -inf

    def clear(self, now: float) -> bool:
        """Take the time of the next view, seconds of the store's clock."""
        last, self._seen_at = self._seen_at, now
        if last is not None and abs(now - last) > GAP:
            self._clear_from = now + BLIND
        return now >= self._clear_from


def lead(admissions: Mapping[str, PoolAdmission], spillovers: Mapping[str, Spillover], now: float) -> Lead:
    """Return what this gateway leads by at `now`, seconds of the store's clock."""
    opened = {
        name: (spillover.opened_at, spillover.reason)
        for name, spillover in spillovers.items()
        if spillover.opened_at is not None
    }
    return Lead(at=now, windows={name: each.window for name, each in admissions.items()}, opened=opened)


def follow(
    leader: Lead, admissions: Mapping[str, PoolAdmission], spillovers: Mapping[str, Spillover], now: float
) -> None:
    """Take over the leader's windows and open backups; a pool that it does not know stays as it is."""
    for name in leader.windows.keys() & admissions.keys():
        admissions[name].adopt(leader.windows[name])
    for name in leader.windows.keys() & spillovers.keys():
        spillovers[name].adopt(leader.opened.get(name), now)

"""What the gateways that follow take over from the one that leads.

Calls are made by the leader's windows, and by the backups that it holds open. A gateway that chose a pool by windows
of its own, learned while it was away, say, would send to one pool the visits that were called for another.
"""

from collections.abc import Mapping

from gateway.core.admission import PoolAdmission
from gateway.core.reports import Lead
from gateway.core.spillover import Spillover


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

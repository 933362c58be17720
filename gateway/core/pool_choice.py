"""Which pool a visit is let into: the primaries while they have room, the backups when those are short.

A backup that was opened ahead of time, because the forecast says that the primaries will be short, gets only a
trickle of the visits until they are: enough to warm it, and all that a false alarm costs. The trickle grows with
the time that the backup is open, to `SpilloverPolicy.trickle` of the visits. When somebody waits, or the primaries
are measured full, the pool that is used least against its window takes the visit, whatever its role.

A pool may be for the visits of some regions: those go there while it has room, then to the pools that are for
everybody, and to those of other regions only when nobody else has room. So no region can shut out another, no pool
gets more than its window, and no capacity that visits were called for stays idle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """A pool as a candidate: visits inside over its window (inf: closed or down), and its trickle if it is a backup.

    `regions` are those that it is for; none means everybody.
    """

    used: float
    trickle: float | None = None
    regions: tuple[str, ...] = ()

    @property
    def backup(self) -> bool:
        """Whether the pool only helps out."""
        return self.trickle is not None


@dataclass(slots=True)
class PoolChoice:
    """Owns the counts by which the trickles of open backups are measured."""

    _seen: dict[str, int] = field(default_factory=dict)
    _sent: dict[str, int] = field(default_factory=dict)

    def pick(self, pools: Mapping[str, PoolUse], *, short: bool, region: str = "") -> str:
        """Return the pool for a visit of a region; `short`: the primaries cannot take all who come."""
        pools = _nearest(pools, region)
        chosen = self._pick(pools, short=short)
        for name, pool in pools.items():
            if not pool.backup:
                continue
            if pool.used == inf:
                self._seen.pop(name, None)
                self._sent.pop(name, None)
                continue
            self._seen[name] = self._seen.get(name, 0) + 1
            self._sent[name] = self._sent.get(name, 0) + (name == chosen)
        return chosen

    def _pick(self, pools: Mapping[str, PoolUse], *, short: bool) -> str:
        least = min(pools, key=lambda name: pools[name].used)
        primaries = {name: pool.used for name, pool in pools.items() if not pool.backup and pool.used < inf}
        if not primaries:
            return least
        primary = min(primaries, key=lambda name: primaries[name])
        if short and primaries[primary] >= 1:
            return least
        return next((name for name, pool in pools.items() if self._is_due(name, pool)), primary)

    def _is_due(self, name: str, pool: PoolUse) -> bool:
        if pool.trickle is None or pool.used >= 1:
            return False
        return self._sent.get(name, 0) < pool.trickle * (self._seen.get(name, 0) + 1)


def _nearest(pools: Mapping[str, PoolUse], region: str) -> Mapping[str, PoolUse]:
    """Return the pools of the region if one of them has room, else with those for everybody, else all."""
    own = {name: pool for name, pool in pools.items() if region and region in pool.regions}
    shared = {name: pool for name, pool in pools.items() if name in own or not pool.regions}
    circles = (own, shared) if any(not pool.backup for pool in own.values()) else (shared,)
    return next((circle for circle in circles if any(pool.used < 1 for pool in circle.values())), pools)

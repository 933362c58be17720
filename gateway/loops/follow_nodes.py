"""Follows the operators' commands about nodes, which every gateway reads from the store."""

from collections.abc import Callable, Mapping

from gateway.core.node_change import NodeChange
from gateway.ports import Measured, RoomStore
from gateway.telemetry.events import event

INTERVAL = 1.0


class NodeFollower:
    """Drains and enables nodes as the store says; without the store the last word holds."""

    def __init__(self, pools: Mapping[str, Measured], store: RoomStore, wall: Callable[[], float]) -> None:
        self._pools = pools
        self._store = store
        self._wall = wall

    async def look(self) -> None:
        """Read the commands once and do what has changed."""
        read = (NodeChange.from_bytes(raw) for raw in (await self._store.node_changes()).values())
        drained = {change.place for change in read if change is not None and change.drains(self._wall())}
        for pool in self._pools.values():
            for url in pool.urls():
                draining = f"{pool.name} {url}" in drained
                if pool.drain(url, draining):
                    event("node_drained" if draining else "node_enabled", pool=pool.name, node=url)

"""Every gateway follows the commands about nodes that are in the store."""

import asyncio

from gateway.core.node_change import NodeChange
from gateway.core.pool_policy import PoolPolicy
from gateway.loops.follow_nodes import NodeFollower
from gateway.proxy.pool import Pool
from gateway.store.memory_room import MemoryRooms

URLS = ("http://one", "http://two")


def test_a_stored_drain_reaches_the_pool_and_ends_by_itself() -> None:
    """A drain with an end of 60 s is followed at the next look, and gone after it; rubbish changes nothing."""
    store, now = MemoryRooms({}, lambda: 0.0), 1000.0
    pool = Pool.build("primary", URLS, PoolPolicy(), clock=lambda: now, chance=lambda: 0.5)
    follower = NodeFollower({"primary": pool}, store, lambda: now)
    change = NodeChange(pool="primary", node=URLS[0], action="drain", author="a", reason="b", until=now + 60)

    async def main() -> None:
        nonlocal now
        await store.change_node("primary http://two", b"rubbish")
        await store.change_node(change.place, change.to_bytes())
        await follower.look()
        assert [node.state for node in pool.nodes] == ["draining", "up"]
        now += 61
        await follower.look()
        assert [node.state for node in pool.nodes] == ["up", "up"]

    asyncio.run(main())

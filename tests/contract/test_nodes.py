"""Commands about nodes: the last one about each node is kept for all gateways."""

from tests.contract.conftest import World


async def test_the_last_command_about_a_node_is_kept(world: World) -> None:
    """A later command replaces the one before; other nodes keep theirs."""
    assert dict(await world.rooms.node_changes()) == {}
    for place, change in [("primary http://one", b"1"), ("primary http://two", b"2"), ("primary http://one", b"3")]:
        await world.rooms.change_node(place, change)
    assert dict(await world.rooms.node_changes()) == {"primary http://one": b"3", "primary http://two": b"2"}

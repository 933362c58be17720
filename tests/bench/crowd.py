"""A crowd for the benches: visits that join at the store itself, and the tickets that a gateway would have signed."""

import asyncio

from gateway.build import room_options
from gateway.core.room import Joined
from gateway.core.ticket import Ticket, encode
from gateway.secrets_file import load_keys
from gateway.settings import Settings
from gateway.store.connect import connect
from gateway.store.redis_room import RedisRooms

ROOM = "booking"
TOGETHER = 32


async def joined_tickets(settings: Settings, count: int) -> list[tuple[int, str]]:
    """Let so many visits join the default lane; return number and ticket of each, in order."""
    rules = settings.rooms[ROOM]
    rooms = RedisRooms(connect(settings.store), {ROOM: room_options(rules)})
    joined: list[Joined] = []
    while len(joined) < count:
        some = range(min(TOGETHER, count - len(joined)))
        joined += await asyncio.gather(*(rooms.join(ROOM, rules.lane, pool="primary") for _ in some))
    await rooms.close()
    keys = load_keys(settings.keys_file)
    return [
        (
            place.number,
            encode(
                Ticket(room=ROOM, epoch=place.epoch, lane=rules.lane, number=place.number, joined_at=place.now), keys
            ),
        )
        for place in sorted(joined, key=lambda place: place.number)
    ]

"""`make bench PART=clocks`: three gateways on one store, their clocks skewed by -5, 0 and +5 s, hold the set rate.

The gateways are real processes whose wall clocks libfaketime moves; the store and the steady clocks of the loops are
left alone. A crowd waits, each visit at one of the gateways, and claims when its gateway says that it is its turn.
What is counted is what the store has counted, over seconds of the store's own clock.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp

from gateway.build import room_options
from gateway.core.room import RoomView
from gateway.settings import load
from gateway.store.connect import connect
from gateway.store.redis_room import RedisRooms
from tests.bench.crowd import ROOM, joined_tickets
from tests.conftest import require
from tests.integration.portal import Gateway, Portal, announced, opened_portal
from tests.integration.processes import TALON, wait_for
from tests.integration.visitor import ask

SKEWS = (-5, 0, 5)
WARM = 4.0
"""Seconds that go by before the counting begins: the first claims come a little later than the first calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Calls and claims in a span of the store's clock, and the rate that was set, visits/s."""

    rate: float
    seconds: float
    calls: int
    claims: int
    leaders: int

    @property
    def error(self) -> float:
        """How far the admissions are from the set rate, as a share of it."""
        return self.claims / (self.rate * self.seconds) - 1


@contextmanager
def skewed_gateways(portal: Portal) -> Iterator[list[Gateway]]:
    """Three gateways, each with a clock of its own, on one real Redis."""
    faketime, socket = require("faketime", "faketime"), portal.folder / "redis.sock"
    options = ("--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "no")
    portal.children.start("redis", require("redis-server", "redis-server"), *options)
    wait_for(socket.exists, 10.0, "redis-server listens")
    portal.start_backend("--workers", 4, "--service-time", "5ms")
    portal.await_backends()
    gateways = []
    for skew in SKEWS:
        config = portal.config(
            f"skewed{skew}",
            data_dir=str(portal.folder / f"skewed{skew}"),
            store=f"unix://{socket}",
            secrets_file=str(portal.folder / "shared.keys"),
        )
        child = portal.children.start(
            f"gateway{skew}",
            *(faketime, "-f", f"{skew:+d}s", *TALON, "serve", "--config", config),
            environ={"FAKETIME_DONT_FAKE_MONOTONIC": "1"},
        )
        gateways.append(announced(child))
    yield gateways


async def hold(portal: Portal, gateways: Sequence[Gateway], rate: float, seconds: float) -> Held:
    """Let a crowd wait, set the rate and count."""
    settings = load(portal.folder / "skewed0.yaml")
    await asyncio.to_thread(gateways[0].control, "pause")
    tickets = await joined_tickets(settings, round(rate * (seconds + WARM) * 1.3))
    rooms = RedisRooms(connect(settings.store), {ROOM: room_options(settings.rooms[ROOM])})
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        shares = [tickets[own :: len(gateways)] for own in range(len(gateways))]
        claiming = [
            tasks.create_task(_claim_in_turn(session, gateway.visitors, share))
            for gateway, share in zip(gateways, shares, strict=True)
        ]
        await asyncio.to_thread(gateways[0].control, "rate", rate)
        begin = await _seen(rooms, after=WARM)
        end = await _seen(rooms, after=seconds, since=begin.now)
        leaders = sum([bool(room["leader"]) for room in [await asyncio.to_thread(g.room) for g in gateways]])
        for task in claiming:
            task.cancel()
    await rooms.close()
    calls, claims = (
        sum(getattr(end.lanes[lane], counter) - getattr(begin.lanes[lane], counter) for lane in end.lanes)
        for counter in ("calls", "claims")
    )
    return Held(rate=rate, seconds=end.now - begin.now, calls=calls, claims=claims, leaders=leaders)


async def _seen(rooms: RedisRooms, after: float, since: float | None = None) -> RoomView:
    """Return the room as the store has it `after` seconds of the store's clock."""
    view = await rooms.view(ROOM, owner="bench", lease=0.0, report=b"")
    end = (view.now if since is None else since) + after
    while view.now < end:
        await asyncio.sleep(min(0.2, end - view.now))
        view = await rooms.view(ROOM, owner="bench", lease=0.0, report=b"")
    return view


async def _claim_in_turn(session: aiohttp.ClientSession, address: str, tickets: Sequence[tuple[int, str]]) -> None:
    """Send visits in at one gateway: the next one asks again and again until it is its turn."""
    for _, ticket in tickets:
        headers = {"Cookie": f"talon_ticket={ticket}", "Accept": "application/json"}
        while True:
            async with session.get(f"http://{address}/doctors", headers=headers) as answer:
                if answer.status == 200:
                    break
                assert answer.status == 503, await answer.text()
            await asyncio.sleep(0.05)


def skew(gateway: Gateway) -> float:
    """Return by how many seconds a gateway's wall clock differs from this one's, as its answers show."""
    date = ask(gateway.visitors, f"/_talon/rooms/{ROOM}").headers["date"]
    return parsedate_to_datetime(date).timestamp() - time.time()


def main() -> None:
    """Run once and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    with opened_portal() as portal, skewed_gateways(portal) as gateways:
        print("clocks: " + ", ".join(f"{skew(gateway):+.1f} s" for gateway in gateways) + "\n")
        held = asyncio.run(hold(portal, gateways, given.rate, given.seconds))
    print("| set visits/s | seconds | wanted | called | admitted | error | leaders |\n|---|---|---|---|---|---|---|")
    wanted = held.rate * held.seconds
    counts = f"{wanted:.1f} | {held.calls} | {held.claims} | {held.error:+.2%} | {held.leaders}"
    print(f"| {held.rate:g} | {held.seconds:.2f} | {counts} |")


if __name__ == "__main__":
    main()

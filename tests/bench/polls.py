"""`make bench PART=polls`: status polls per core of a real gateway, beside bare aiohttp; what the store has to do.

The gateway runs on one core and wrk on another. Polls per core are answers by seconds of processor time that the
gateway's process itself accounts for, so a load that is too slow or a neighbour on the core does not lower them.
Rounds are interleaved; medians and ranges are printed.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from redis.asyncio import Redis

from gateway.settings import load
from gateway.store.connect import connect
from tests.bench.crowd import ROOM, joined_tickets
from tests.bench.wrk import Load, pinned, poll
from tests.conftest import free_port, require
from tests.integration.portal import Gateway, Portal, announced, opened_portal
from tests.integration.processes import TALON, wait_for
from tests.integration.visitor import ask

DOCUMENT = f"/_talon/rooms/{ROOM}"
ROOT = Path(__file__).parents[2]


@dataclass(slots=True, kw_only=True)
class Stand:
    """A gateway on a core of its own with a real store, and visits that wait in its paused room."""

    portal: Portal
    gateway: Gateway
    store: str
    tickets: list[str]

    def polled(self, seconds: float, *, tickets: int = 0) -> Load:
        """Poll the now-serving document as `tickets` visits that wait, or as nobody in particular."""
        url, pid = f"http://{self.gateway.visitors}{DOCUMENT}", self.gateway.child.pid
        return poll(url, pid, seconds=seconds, tickets=self.tickets[:tickets])

    def scripts(self) -> int:
        """How many scripts the store has run so far: every change and every look of a gateway is one."""
        return asyncio.run(_scripts(self.store))


@contextmanager
def stand(waiting: int) -> Iterator[Stand]:
    """Start a store and a gateway, and let `waiting` visits queue."""
    with opened_portal() as portal:
        socket = portal.folder / "redis.sock"
        options = ("--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "no")
        redis = require("redis-server", "redis-server")
        portal.children.start("redis", *pinned(-1, redis, *options))
        wait_for(socket.exists, 10.0, "redis-server listens")
        # No node is up, so that everybody waits.
        config = portal.config(
            store=f"unix://{socket}",
            rooms={ROOM: {"paths": ["/"], "longest_poll": "30s", "max_waiting": 2 * waiting}},
            pools={"primary": {"nodes": ["http://127.0.0.1:9"]}},
            access_log="off",
        )
        child = portal.children.start("gateway", *pinned(0, *TALON, "serve", "--config", config))
        gateway = announced(child)
        wait_for(lambda: gateway.room()["reason"] == "paused", 10.0, "nobody is let in")
        tickets = [ticket for _, ticket in asyncio.run(joined_tickets(load(config), waiting))]
        wait_for(lambda: sum(gateway.room()["waiting"].values()) >= waiting, 10.0, "all are counted")
        yield Stand(portal=portal, gateway=gateway, store=f"unix://{socket}", tickets=tickets)


async def _scripts(store: str) -> int:
    client = connect(store)
    assert isinstance(client, Redis)
    try:
        stats = await client.info("commandstats")
    finally:
        await client.aclose()
    return int(stats["cmdstat_evalsha"]["calls"])


@contextmanager
def bare(portal: Portal, body: bytes) -> Iterator[tuple[str, int]]:
    """A bare aiohttp server on the gateway's core; gives its URL and process id."""
    file, port = portal.folder / "document.json", free_port()
    file.write_bytes(body)
    command = pinned(0, sys.executable, "-m", "tests.bench.bare", port, file)
    child = portal.children.start("bare", *command, environ={"PYTHONPATH": str(ROOT)})
    child.announces("serving")
    yield f"http://127.0.0.1:{port}/", child.pid


def figures(loads: list[Load], to: Callable[[Load], float]) -> str:
    """Return median and range of one figure of all rounds."""
    values = sorted(to(load) for load in loads)
    return f"{median(values):,.0f} ({values[0]:,.0f}-{values[-1]:,.0f})"


def main() -> None:
    """Run the rounds and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    kinds: dict[str, list[Load]] = {"bare aiohttp": [], "no ticket": [], "2,000 tickets": [], "60,000 tickets": []}
    scripts: dict[str, list[float]] = {name: [] for name in ("nobody polls", *kinds)}
    with stand(60_000) as made:
        document = ask(made.gateway.visitors, DOCUMENT).body
        with bare(made.portal, document) as (url, pid):
            for _ in range(given.rounds):
                for name, loads in kinds.items():
                    before = made.scripts()
                    if name == "bare aiohttp":
                        loads.append(poll(url, pid, seconds=given.seconds))
                    else:
                        count = name.split()[0].replace(",", "").replace("no", "0")
                        loads.append(made.polled(given.seconds, tickets=int(count)))
                    scripts[name].append((made.scripts() - before) / given.seconds)
    print("| polls with | polls/s per core | us of processor per poll | polls/s in this run | scripts/s in the store |")
    print("|---|---|---|---|---|")
    for name, loads in kinds.items():
        rates = figures(loads, lambda load: load.per_core), figures(loads, lambda load: load.microseconds)
        wall = figures(loads, lambda load: load.answers / load.seconds)
        print(f"| {name} | {rates[0]} | {rates[1]} | {wall} | {median(scripts[name]):.1f} |")
        assert not any(load.failed for load in loads), name


if __name__ == "__main__":
    main()

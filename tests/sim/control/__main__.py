"""`python -m tests.sim.control SEED` plays one morning and prints it second by second; `--runs N` plays N of them.

The many are spread over the cores; what is broken is printed with its seed, and the exit code is 1.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.sim.control.checks import Broken
from tests.sim.control.mornings import morning
from tests.sim.control.world import TICK, World


def broken(seed: int) -> str:
    """Return what is broken in the morning of a seed, "" for nothing."""
    try:
        World(morning(seed)).play()
    except Broken as what:
        return str(what)
    return ""


def show(seed: int) -> int:
    """Play one morning and print it."""
    world = World(morning(seed))
    print(world.plan)
    look = world.checks.look

    def tell() -> None:
        if round(world.at / TICK) % round(1 / TICK) == 0:
            room = world.gateways[0].room
            pools = "  ".join(
                f"{name}: {sum(len(share.visits) for share in load.shares.values())} inside of "
                f"{room.admissions[name].window * room.open_share(name):.0f}, "
                f"{sum(share.open for share in load.shares.values()):.0f} open"
                for name, load in world.loads.items()
            )
            print(
                f"{world.at:5.0f} s  {len(world.waiting):4d} wait  {room.rate:6.1f}/s {room.reason.value:11s} {pools}"
            )
        look()

    world.checks.look = tell  # type: ignore[method-assign]
    try:
        world.play()
    except Broken as what:
        print(f"BROKEN: {what}")
        return 1
    print("all promises kept")
    return 0


def many(runs: int) -> int:
    """Play the first `runs` seeds and print what was broken."""
    began, found = time.monotonic(), 0
    with ProcessPoolExecutor() as pool:
        for number, what in enumerate(pool.map(broken, range(runs), chunksize=20), 1):
            if what:
                found += 1
                print(what, flush=True)
            if number % 1000 == 0:
                print(f"{number:,} mornings, {found} broken, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.sim.control", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="the morning to show")
    parser.add_argument("--runs", type=int, default=10_000, help="how many to play when no seed is named")
    given = parser.parse_args()
    sys.exit(many(given.runs) if given.seed is None else show(given.seed))

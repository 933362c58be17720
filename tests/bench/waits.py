"""`make bench PART=waits`: how often waits end inside the range that was shown first, over simulated mornings."""

import argparse
from dataclasses import replace

from tests.sim.waiting import Play, Told
from tests.sim.waiting_mornings import FURTHER, TESTED, add, row


def main() -> None:
    """Play every morning with every seed; print the figures of each and of all together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    columns = ("morning", "waits", "inside", "longer than shown", "median error of the middle", "unknown")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    whole = Told()
    for morning in (*TESTED, *FURTHER):
        told = Told()
        for seed in range(1, given.seeds + 1):
            add(told, Play(replace(morning, seed=seed)).run())
        add(whole, told)
        print(row(morning.name, told), flush=True)
    print(row("**all**", whole))


if __name__ == "__main__":
    main()

"""`make bench PART=day`: a simulated day with a million visitors, played by the real core on one core."""

import argparse
import time

from tests.sim.play_day import play
from tests.sim.real_day import ENOUGH, TOO_LITTLE, real_day, table


def main() -> None:
    """Play the day with enough capacity and with too little; print waits and what became of everybody."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=1_000_000)
    given = parser.parse_args()
    for said, capacity in (("enough capacity", ENOUGH), ("half of it lost in the rush", TOO_LITTLE)):
        day, began = real_day(given.visitors, capacity), time.process_time()
        outcome = play(day)
        took = time.process_time() - began
        print(
            f"{given.visitors:,} visitors, {said}: {took:.1f} s of processor time\n\n{table(day, outcome)}\n",
            flush=True,
        )


if __name__ == "__main__":
    main()

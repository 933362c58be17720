"""Goodput under overload, without a room: plain requests in an open loop, clients that give up after 2 s.

The backend has 8 workers of 40 ms, 200 requests/s, gets slower with every request that waits in it, and goes on
working for those who have left. Contenders take turns at each load, everything started anew. Only nginx' limit_req
is told the capacity; HAProxy is tuned by hand to the backend. `--step` makes every service take twice as long for a
while.
"""

import argparse
import json
import math
import urllib.request
from collections.abc import Callable
from typing import Any

import uvloop

from tests.bench.open_loop import Asked, Moment, offer, quantile
from tests.bench.proxies import in_front
from tests.integration.portal import Portal, opened_portal

WORKERS, SERVICE = 8, 0.04
CAPACITY = WORKERS / SERVICE
WARM = 3.0
CONTENDERS = ("nothing", "nginx", "nginx limit_req", "haproxy", "talon")
URGENT, ORDINARY = "/doctors/1/slots", "/doctors"
TALON: dict[str, Any] = {"rooms": {}, "classes": [{"name": "urgent", "paths": ["/doctors/*"], "priority": 5}]}


def measure(
    name: str,
    load: float,
    seconds: float,
    urgent: float,
    seed: int,
    during: Callable[[Portal], list[Moment]] | None = None,
) -> list[Asked]:
    """Return what became of the requests at one load, from the beginning."""
    with opened_portal() as portal:
        portal.start_backend("--workers", WORKERS, "--service-time", f"{SERVICE * 1000:.0f}ms", "--contention", 0.004)
        portal.await_backends()
        with in_front(name, portal, capacity=CAPACITY, config=TALON) as address:

            def path(number: float) -> str:
                return URGENT if number < urgent else ORDINARY

            moments = during(portal) if during else []
            return uvloop.run(offer(address, load * CAPACITY, seconds, path, seed, moments))


def row(name: str, load: float, asked: list[Asked], seconds: float, urgent: float) -> str:
    """Return one line of the table, measured from WARM on."""
    seen = [one for one in asked if one.at >= WARM]
    goodput = sum(one.good for one in seen) / (seconds - WARM) / CAPACITY
    served = [one.took for one in seen if one.status == 200]
    refused = [one for one in seen if one.status in (429, 503)]
    told = sum(one.retry_after for one in refused) / len(refused) if refused else math.nan
    figures = [
        f"{goodput:.2f}",
        _ms(quantile(served, 0.99)),
        _ms(quantile([one.took for one in refused], 0.99)),
        _share(told),
    ]
    if urgent:
        mine = [one for one in seen if one.path == URGENT]
        figures.append(_share(sum(one.good for one in mine) / max(1, len(mine))))
    return f"| {load:g} | {name} | {' | '.join(figures)} |"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds * 1000:.0f}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1%}"


def fault(portal: Portal, factor: float) -> Callable[[], None]:
    """Return what makes every service of the backend take `factor` times as long; 1 ends it."""
    kind = {"kind": "slow", "factor": factor, "seconds": 600} if factor != 1 else {"kind": "none"}

    def strike() -> None:
        body = json.dumps(kind).encode()
        urllib.request.urlopen(f"{portal.backends[0]}/_sim/fault", body, timeout=5).close()

    return strike


def steps(contenders: list[str], load: float, seed: int) -> None:
    """Print goodput over the capacity of the moment, in windows of 5 s: half of it is gone from 10 s to 25 s."""
    windows = [(3, 10, 1.0), (10, 15, 0.5), (15, 20, 0.5), (20, 25, 0.5), (25, 30, 1.0), (30, 35, 1.0), (35, 40, 1.0)]
    print("\n| " + " | ".join([f"load {load:g}", *(f"{a}-{b} s ({left:g})" for a, b, left in windows)]) + " |")
    print("|---" * (len(windows) + 1) + "|")
    for name in contenders:
        asked = measure(
            name,
            load,
            40.0,
            0.0,
            seed,
            lambda portal: [Moment(10.0, fault(portal, 2.0)), Moment(25.0, fault(portal, 1.0))],
        )
        # What is offered may be less than what could be served.
        shares = [
            sum(one.good for one in asked if a <= one.at < b) / (b - a) / (CAPACITY * min(left, load))
            for a, b, left in windows
        ]
        print(f"| {name} | " + " | ".join(f"{share:.2f}" for share in shares) + " |", flush=True)


def main() -> None:
    """Run the loads, or the step, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=float, nargs="+", default=[1.0, 1.5, 2.0, 3.0])
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--urgent", type=float, default=0.0, help="share of urgent requests")
    parser.add_argument("--step", type=float, nargs="*", help="loads at which the capacity is halved and restored")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.step is not None:
        for load in given.step or [0.9, 2.0]:
            steps(given.contenders, load, given.seed)
        return
    urgent = " urgent in time |" if given.urgent else ""
    print(f"| load | in front | goodput / capacity | p99 served, ms | p99 refused, ms | with Retry-After |{urgent}")
    print("|---" * (7 if given.urgent else 6) + "|")
    for load in given.loads:
        for name in given.contenders:
            asked = measure(name, load, given.seconds, given.urgent, given.seed)
            print(row(name, load, asked, given.seconds, given.urgent), flush=True)


if __name__ == "__main__":
    main()

"""`make bench PART=plane`: what forwarding costs, beside nginx, HAProxy and a naive aiohttp proxy.

Every contender runs on the first core; the load (wrk) and the node (nginx, a fixed body) on the last one. Rounds are
interleaved, every other one in reverse order, and ratios are taken inside a round. The figure is processor time a
request: what the kernel accounts to the contender's processes, its own work for their sockets included, so neither a
load that is too slow nor a neighbour on the core changes what is compared.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from tests.bench.contenders import (
    FIELDS,
    SIZES,
    Contender,
    node,
    start,
    start_auth_request,
    start_haproxy_front,
    start_talon,
)
from tests.bench.others import PACKAGES
from tests.bench.steady import steady
from tests.bench.wrk import Load, hit
from tests.integration.portal import Portal, opened_portal

VARIED = "talon room varied"
FRONTS = ("haproxy front", "nginx auth_request")
ALL = ("nginx", "haproxy", "naive aiohttp", "naive aiohttp whole", "talon", "talon room", VARIED, *FRONTS)
SLOW = tuple(PACKAGES)
"""Far behind the others; they are asked for by name, and installed then."""
RATE = 500.0


def ratio(mine: Sequence[Load], others: Sequence[Load]) -> str:
    """Return how fast `mine` is against the others, inside each round: median and quartiles."""
    ratios = [other.cpu / other.answers / (own.cpu / own.answers) for own, other in zip(mine, others, strict=True)]
    if len(ratios) < 2:
        return f"{ratios[0]:.2f}"
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return f"{median(ratios):.2f} ({low:.2f}-{high:.2f})"


def rounds(contenders: Mapping[str, Contender], count: int, size: str, seconds: float) -> None:
    """Load the contenders in turn, so many times."""
    for turn in range(count):
        for contender in list(contenders.values())[:: 1 if turn % 2 == 0 else -1]:
            fields = [*FIELDS, *([f"Cookie: {contender.cookie}"] if contender.cookie else [])]
            url = f"http://{contender.address}/{size.replace(' ', '')}"
            contender.loads.append(
                hit(
                    url,
                    contender.processes,
                    seconds=seconds,
                    fields=fields,
                    connections=contender.connections,
                    varied=contender.varied,
                )
            )


def started(portal: Portal, address: str, names: Sequence[str]) -> dict[str, Contender]:
    """Start what is named, in an order in which each has what it needs."""
    made = {name: start(portal, name, address) for name in names if name not in (*FRONTS, VARIED)}
    if VARIED in names:
        room = made["talon room"]
        made[VARIED] = Contender(address=room.address, processes=room.processes, cookie=room.cookie, varied=True)
    if "haproxy front" in names:
        made["haproxy front"] = start_haproxy_front(portal, address, made["talon room"])
    if "nginx auth_request" in names:
        made["nginx auth_request"] = start_auth_request(portal, address, made["talon room"])
    return made


def table(title: str, contenders: Mapping[str, Contender], beside: Sequence[str]) -> None:
    """Print a Markdown table."""
    columns = " | ".join(["us of processor a request: least / median", *(f"of {name}" for name in beside)])
    print(f"| {title} | {columns} | p50 ms | failed |")
    print("|---|---|" + "---|" * len(beside) + "---|---|")
    for name, contender in contenders.items():
        costs = sorted(load.microseconds for load in contender.loads)
        sides = [ratio(contender.loads, contenders[other].loads) for other in beside]
        p50 = median(load.p50 for load in contender.loads) * 1000
        failed = sum(load.failed for load in contender.loads)
        print(f"| {name} | {costs[0]:.0f} / {median(costs):.0f} | {' | '.join(sides)} | {p50:.2f} | {failed} |")
    print(flush=True)


def cost(given: argparse.Namespace) -> None:
    """What a request costs, by size of its answer."""
    for size in given.sizes:
        with opened_portal() as portal, node(portal) as address:
            contenders = started(portal, address, given.only)
            for contender in contenders.values():
                contender.connections = 8 if size == "10 MB" else 64  # each must get something within a round
            rounds(contenders, given.rounds, size, given.seconds)
            beside = [name for name in ("nginx", "haproxy", "naive aiohttp") if name in contenders]
            table(size, contenders, beside)


def rate(given: argparse.Namespace) -> None:
    """The latency at a fixed moderate rate, counted from the time at which each request is due."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with opened_portal() as portal, node(portal) as address:
        contenders = started(portal, address, [name for name in given.only if name != "naive aiohttp whole"])
        took: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(given.rounds):
            for name in list(contenders)[:: 1 if turn % 2 == 0 else -1]:
                one = contenders[name]
                fields = [*FIELDS, *([f"Cookie: {one.cookie}"] if one.cookie else [])]
                took[name].append(median(steady(one.address, "/1KB", fields, rate=RATE, seconds=given.seconds)))
    print(f"| {RATE:g} requests/s | p50 ms, median of rounds (range) | more than nginx, in the same round |")
    print("|---|---|---|")
    for name, values in took.items():
        more = [own - other for own, other in zip(values, took["nginx"], strict=True)]
        spread = f"{min(values) * 1000:.2f}-{max(values) * 1000:.2f}"
        print(f"| {name} | {median(values) * 1000:.2f} ({spread}) | {median(more) * 1000:+.2f} |")
    print(flush=True)


def workers(given: argparse.Namespace) -> None:
    """One worker and two, with as many connections for each, beside no other load on their core."""
    with opened_portal() as portal, node(portal) as address:
        contenders = {
            "1 worker": start_talon(portal, "talon one", address),
            "2 workers": start_talon(portal, "talon two", address, workers=2),
        }
        contenders["2 workers"].connections *= 2
        rounds(contenders, given.rounds, "1 KB", given.seconds)
        table("workers", contenders, ["1 worker"])


def main() -> None:
    """Run what is asked for, everything by default, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--sizes", nargs="*", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--only", nargs="*", choices=(*ALL, *SLOW), default=list(ALL))
    parser.add_argument("--what", nargs="*", choices=["cost", "rate", "workers"], default=["cost", "rate", "workers"])
    given = parser.parse_args()
    for what in given.what:
        {"cost": cost, "rate": rate, "workers": workers}[what](given)


if __name__ == "__main__":
    main()

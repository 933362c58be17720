"""A rush of five times the capacity, with visitors who reload: nothing, nginx limit_req, HAProxy's queue and Talon.

The backend can finish 12.5 visits/s (4 workers, 4 requests of 80 ms) and slows when requests pile up. Visitors
reload a page that stays empty, and obey a waiting page. Only nginx is told the capacity. Talon has no forecast and
no backup here, and has not learned anything before. `--halve` takes half of the capacity away in the middle of the
rush and gives it back.
"""

import argparse
import asyncio
import json
import signal
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.records import VisitRecord
from loadtests.report import PeakReport, read_records
from loadtests.runner import run_peak
from tests.bench.open_loop import Moment, quantile
from tests.bench.overload import fault
from tests.bench.proxies import in_front
from tests.integration.portal import Portal, opened_portal

WORKERS, SERVICE, REQUESTS = 4, 0.08, 4
CAPACITY = WORKERS / SERVICE / REQUESTS
BEGIN, SETTLED, END = 10.0, 25.0, 60.0
"""Seconds: the rush begins, 15 s later everything must hold, the last look at it."""
RUSH = ((0, 3), (BEGIN, 3), (BEGIN + 1, 5 * CAPACITY), (45, 5 * CAPACITY), (46, 0.1), (62, 0.1))
CALM = ((0, 2), (20, 2))
CONTENDERS = ("nothing", "nginx limit_req", "haproxy queue", "talon")
TALON: dict[str, Any] = {
    "rooms": {
        "booking": {
            "lanes": {"regular": {"target_wait": "30s"}},
            "longest_poll": "5s",
            "presence_grace": "30s",
            "claim_window": "15s",
            "visits": {"duration": "4s", "requests": REQUESTS, "idle": "20s"},
        }
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """One played rush: the visitors' report, its records, and the bookings that were made twice."""

    report: PeakReport
    records: list[VisitRecord]
    twice: int

    def share(self, begin: float, end: float, capacity: float = CAPACITY) -> float:
        """Return the visits booked in a span over what can be finished in it."""
        began = self.report.began
        return self.report.booked_between(round(began + begin), round(began + end)) / (capacity * (end - begin))

    def p95(self, begin: float = 0.0) -> float:
        """Return the 95th percentile of the requests of visits that ended from `begin` on, in ms."""
        ended = [visit for visit in self.records if visit.end >= self.report.began + begin]
        return quantile([latency for visit in ended for latency in visit.latencies_ms], 0.95)


def play(
    name: str,
    seed: int,
    curve: tuple[tuple[float, float], ...] = RUSH,
    backends: int = 1,
    during: Callable[[Portal], list[Moment]] = lambda portal: [],
) -> Rush:
    """Play the curve with a contender in front of backends that share the capacity."""
    with opened_portal() as portal:
        for _ in range(backends):
            options = ("--workers", WORKERS // backends, "--service-time", f"{SERVICE * 1000:.0f}ms", "--seed", seed)
            portal.start_backend(*options, "--inventory", portal.folder / "slots.sqlite")
        portal.await_backends()
        path = portal.folder / "curve.csv"
        path.write_text("seconds,visits_per_s\n" + "".join(f"{at},{rate}\n" for at, rate in curve))
        with in_front(name, portal, capacity=WORKERS / SERVICE, config=TALON) as address:
            report = asyncio.run(_visit(f"http://{address}", path, seed, during(portal)))
        records = read_records(portal.folder / "visits.jsonl")
        twice = sum(_stats(url)["double_bookings"] for url in portal.backends)
        return Rush(report=report, records=records, twice=twice)


async def _visit(target: str, curve: Path, seed: int, during: list[Moment]) -> PeakReport:
    began = asyncio.get_running_loop().time()
    moments = [asyncio.create_task(moment.come(began)) for moment in during]
    report = await run_peak(
        target=target,
        curve=curve,
        out=curve.parent / "visits.jsonl",
        seed=seed,
        patience=20.0,
        think=(0.3, 1.2),
        on_progress=lambda progress: None,
        drain=5.0,
    )
    await asyncio.gather(*moments)
    return report


def _stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/_sim/stats", timeout=5) as answer:
        stats: dict[str, Any] = json.load(answer)
        return stats


def compare(contenders: list[str], seeds: int) -> None:
    """Print the table of all contenders, taking turns."""
    print(
        "| in front | seed | booked / capacity in the rush | from 15 s on | p95 from then on, ms | x unloaded |", end=""
    )
    print(" errors per visit | sent back | booked twice |\n" + "|---" * 9 + "|")
    for seed in range(1, seeds + 1):
        unloaded = play("nothing", seed, CALM).p95()
        for name in contenders:
            rush = play(name, seed)
            report, p95 = rush.report, rush.p95(SETTLED)
            figures = [
                f"{rush.share(BEGIN, END):.2f}",
                f"{rush.share(SETTLED, END):.2f}",
                f"{p95:.0f}",
                f"{p95 / unloaded:.1f}",
                f"{report.errors_per_visit:.2f}",
                f"{report.waiting_after_admission}",
                f"{rush.twice}",
            ]
            print(f"| {name} | {seed} | " + " | ".join(figures) + " |", flush=True)


def halve(seed: int) -> None:
    """Print Talon's goodput over what is left, in windows of 5 s, with half of the capacity away from 25 s to 45 s."""

    def slower(portal: Portal) -> list[Moment]:
        return [Moment(25.0, fault(portal, 2.0)), Moment(45.0, fault(portal, 1.0))]

    def dies(portal: Portal) -> list[Moment]:
        return [Moment(25.0, _die(portal)), Moment(45.0, _return(portal))]

    windows = [(at, at + 5.0, 0.5 if 25 <= at < 45 else 1.0) for at in range(15, 70, 5)]
    print("\n| half is lost at 25 s, back at 45 s | " + " | ".join(f"{a}-{b:.0f} s" for a, b, _ in windows) + " |")
    print("|---" * (len(windows) + 1) + "|")
    curve = (*RUSH[:3], (55, 5 * CAPACITY), (56, 0.1), (72, 0.1))
    for what, backends, during in (("services take twice as long", 1, slower), ("one of two nodes dies", 2, dies)):
        rush = play("talon", seed, curve, backends, during)
        shares = [rush.share(begin, end, CAPACITY * left) for begin, end, left in windows]
        print(f"| {what} | " + " | ".join(f"{share:.2f}" for share in shares) + " |", flush=True)


def _die(portal: Portal) -> Callable[[], None]:
    return lambda: portal.children.named("backend", -1).signal(signal.SIGKILL)


def _return(portal: Portal) -> Callable[[], None]:
    def back() -> None:
        address = portal.backends[-1].removeprefix("http://")
        options = ("--workers", WORKERS // 2, "--service-time", f"{SERVICE * 1000:.0f}ms")
        portal.children.talon(
            "backend", "backend", "--listen", address, *options, "--inventory", portal.folder / "slots.sqlite"
        )

    return back


def main() -> None:
    """Compare the contenders, or halve the capacity."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--halve", action="store_true", help="only Talon, with half of the capacity away for 20 s")
    given = parser.parse_args()
    if given.halve:
        halve(1)
    else:
        compare(given.contenders, given.seeds)


if __name__ == "__main__":
    main()

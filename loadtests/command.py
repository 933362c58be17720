"""What `talon loadtest` does: choose the curve, check the site, run the peak, show the report."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.inputs import BadInput, parse_listen
from loadtests.plan import PeakPlan, Progress
from loadtests.report import PeakReport
from loadtests.runner import RunFailed, run_plan
from loadtests.shapes.curve import Curve, read_curve, write_curve
from loadtests.shapes.profiles import profile
from loadtests.shows import ProgressStyle, shown, summary
from loadtests.users.habits import Habits

WEB_ADDRESS = "127.0.0.1:8089"
DEFAULT_PEAK = 5.0
DEFAULT_MINUTES = 1.0
_CHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadtestOrder:
    """One load test as ordered on the command line."""

    profile: str
    target: str
    backends: tuple[str, ...] = ()
    peak: float | None = None
    visits_per_second: float | None = None
    minutes: float | None = None
    curve: Path | None = None
    seed: int = 1
    drain: float = 120.0
    habits: Habits
    json_file: Path | None = None
    html_file: Path | None = None
    web: bool = False

    def __post_init__(self) -> None:
        if self.peak is not None and self.visits_per_second is not None:
            raise BadInput("--peak, --visits-per-second: expected at most one of them")
        for name, value in (
            ("--peak", self.peak),
            ("--visits-per-second", self.visits_per_second),
            ("--minutes", self.minutes),
        ):
            if value is not None and not 0 < value <= 100_000:
                raise BadInput(f"{name}: expected a number above 0 and at most 100000, got {value:g}")
        if self.curve is not None and self.profile not in ("curve", "morning-peak"):
            raise BadInput(f"--curve: expected PROFILE to be curve with it, got {self.profile!r}")
        if self.curve is None and self.profile == "curve":
            raise BadInput("PROFILE: curve needs --curve FILE")


def loadtest(order: LoadtestOrder, style: ProgressStyle) -> None:
    """Run the test and print its summary; exit code 1 if the run broke off."""
    _check_files(order)
    with TemporaryDirectory(prefix="talon-loadtest-") as folder, shown(style) as show:
        try:
            report = asyncio.run(_run(order, Path(folder), show))
        except RunFailed as error:
            print(f"talon: {error}", file=sys.stderr)
            raise SystemExit(1) from None
    if order.json_file is not None:
        order.json_file.write_bytes(report.to_json())
    print(summary(report), file=sys.stderr if style is ProgressStyle.JSON else sys.stdout)


async def _run(order: LoadtestOrder, folder: Path, show: Callable[[Progress], None]) -> PeakReport:
    curve = await _curve(order)
    write_curve(curve, folder / "curve.csv")
    plan = PeakPlan(
        target=order.target,
        curve=str(folder / "curve.csv"),
        out=str(folder / "visits.jsonl"),
        seed=order.seed,
        drain=order.drain,
        habits=order.habits,
        html=str(order.html_file) if order.html_file else None,
        web=WEB_ADDRESS if order.web else None,
    )
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    if plan.web:
        print(f"locust's page: http://{plan.web}", file=sys.stderr)
    return await run_plan(plan, on_progress=show, stop=stop)


async def _curve(order: LoadtestOrder) -> Curve:
    """The curve with the height and length that were asked for."""
    shape = profile(order.profile) if order.curve is None else read_curve(order.curve)
    capacity = await _capacity(order)
    if order.visits_per_second is not None:
        shape = shape.scaled(order.visits_per_second)
    elif order.peak is not None or order.curve is None:
        if capacity is None:
            asked = ", ".join(order.backends) or order.target
            raise BadInput(
                f"--peak: {asked} does not tell its capacity;"
                " give --visits-per-second, or --backend with the address of a simulated backend"
            )
        shape = shape.scaled((order.peak or DEFAULT_PEAK) * capacity)
    if order.minutes is not None or order.curve is None:
        shape = shape.stretched((order.minutes or DEFAULT_MINUTES) * 60)
    return shape


async def _capacity(order: LoadtestOrder) -> float | None:
    """Visits per second of the simulated backends together; BadInput when a site does not answer at all."""
    import aiohttp

    total = 0.0
    timeout = aiohttp.ClientTimeout(total=_CHECK_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for url in order.backends or (order.target,):
            try:
                async with session.get(f"{url}/_sim/stats") as answer:
                    facts = await answer.json() if answer.status == 200 else {}
            except (aiohttp.ClientConnectionError, TimeoutError):
                option = "--backend" if order.backends else "--target"
                raise BadInput(f"{option}: nothing answers at {url}; start `talon serve` or `talon backend`") from None
            except (aiohttp.ClientError, ValueError):
                facts = {}
            if not isinstance(facts, dict) or "capacity_visits_per_s" not in facts:
                return None
            total += float(facts["capacity_visits_per_s"])
    return total


def _check_files(order: LoadtestOrder) -> None:
    """Refuse what would only fail after the run."""
    for option, path in (("--json", order.json_file), ("--html", order.html_file)):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise BadInput(f"{option}: {path} cannot be written; expected a file in an existing folder")
    if order.web:
        host, port = parse_listen(WEB_ADDRESS, "--web")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise BadInput(f"--web: {WEB_ADDRESS} is in use; stop what runs there") from None

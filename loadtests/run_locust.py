"""The child process in which locust runs a peak: `python -m loadtests.run_locust PLAN`, PLAN being JSON.

It prints one line of JSON a second on standard output and ends by itself: when every visit is over,
`drain` seconds after the last arrival, on SIGTERM or SIGINT, or when nobody reads its lines any more.
"""

import resource
import signal
import sys
from pathlib import Path
from random import Random
from time import monotonic, time
from typing import Any, BinaryIO

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.html import get_html_report
from locust.log import setup_logging
from locust.stats import stats_history

from loadtests.inputs import parse_listen
from loadtests.plan import PeakPlan, Progress
from loadtests.records import Outcome
from loadtests.shapes.arrivals import arrivals
from loadtests.shapes.curve import Curve, read_curve
from loadtests.users.run import Run
from loadtests.users.visitor import OneVisit

_STOP_SECONDS = 5.0


def main() -> None:
    """Run the plan given as the only argument."""
    plan = PeakPlan.from_json(sys.argv[1])
    _raise_file_limit()
    setup_logging("WARNING")
    stop = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(signum, stop.set)
    curve = read_curve(Path(plan.curve))
    with Path(plan.out).open("wb", buffering=1 << 16) as records:
        _run(plan, curve, records, stop)


def _run(plan: PeakPlan, curve: Curve, records: BinaryIO, stop: Any) -> None:
    run = Run(habits=plan.habits, seed=plan.seed, records=records)
    environment = Environment(user_classes=[OneVisit], host=plan.target)
    environment.talon_run = run
    defects: list[BaseException] = []

    def on_defect(exception: BaseException, **_: object) -> None:
        defects.append(exception)
        stop.set()

    environment.events.user_error.add_listener(on_defect)
    runner = environment.create_local_runner()
    web = _web(environment, plan)
    runner.start(0, spawn_rate=1)
    history = gevent.spawn(stats_history, runner)
    began = monotonic()
    dispatcher = gevent.spawn(_dispatch, environment, curve, Random(plan.seed), began)
    try:
        _watch(run, curve, plan.drain, began, dispatcher, stop)
    finally:
        dispatcher.kill()
        runner.user_greenlets.kill(timeout=_STOP_SECONDS)
        run.flush()
        history.kill()
        if plan.html:
            Path(plan.html).write_text(get_html_report(environment, show_download_link=False), encoding="utf-8")
        if web is not None:
            web.stop()
        runner.quit()
        _say(_progress(run, curve, began, last=True))
    if defects:
        raise defects[0]


def _dispatch(environment: Any, curve: Curve, chance: Random, began: float) -> None:
    """Start one visitor per arrival, on time whatever became of the earlier ones."""
    for at in arrivals(curve, chance):
        gevent.sleep(max(0.0, began + at - monotonic()))
        OneVisit(environment).start(environment.runner.user_greenlets)


def _watch(run: Run, curve: Curve, drain: float, began: float, dispatcher: Any, stop: Any) -> None:
    """Report once a second until the run is over."""
    ticks = 0
    while not stop.is_set():
        passed = monotonic() - began
        over = dispatcher.ready() and run.tally.active == 0 and passed >= curve.seconds
        if over or passed > curve.seconds + drain:
            return
        if passed >= ticks:
            run.flush()
            if not _say(_progress(run, curve, began)):
                return
            ticks = int(passed) + 1
        stop.wait(min(0.1, max(0.01, began + ticks - monotonic())))


def _progress(run: Run, curve: Curve, began: float, *, last: bool = False) -> Progress:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    tally = run.tally
    return Progress(
        seconds=round(monotonic() - began, 2),
        wall=time(),
        planned=curve.seconds,
        started=tally.started,
        active=tally.active,
        waiting=tally.waiting,
        booked=tally.outcomes[Outcome.BOOKED],
        gave_up=tally.outcomes[Outcome.GAVE_UP],
        failed=tally.outcomes[Outcome.FAILED],
        left=tally.outcomes[Outcome.LEFT],
        requests=tally.requests,
        errors=tally.errors,
        reloads=tally.reloads,
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 2),
        last=last,
    )


def _say(progress: Progress) -> bool:
    """Print a line; False when there is nobody left to read it."""
    try:
        print(progress.to_line(), flush=True)
    except OSError:
        return False
    return True


def _web(environment: Any, plan: PeakPlan) -> Any:
    if plan.web is None:
        return None
    host, port = parse_listen(plan.web, "--web")
    return environment.create_web_ui(host, port)


def _raise_file_limit() -> None:
    """Each visitor holds a connection: take as many files as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()

"""The commands `talon backend` and `talon loadtest`; heavy imports wait until a command runs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from loadtests.inputs import BadInput, parse_duration, parse_listen, parse_span, parse_url
from loadtests.shows import ProgressStyle


def backend_command(
    listen: Annotated[str, typer.Option(help="Address to serve on; port 0 takes a free one.")] = "127.0.0.1:9001",
    workers: Annotated[int, typer.Option(help="Requests served at the same time.")] = 4,
    service_time: Annotated[str, typer.Option(help="Time one request holds its worker.")] = "40ms",
    contention: Annotated[float, typer.Option(help="How much each waiting request slows the others.")] = 0.004,
    backlog: Annotated[int, typer.Option(help="Requests that may wait; beyond that 503 at once.")] = 2000,
    warmup: Annotated[str, typer.Option(help="Time from the first request until it is warm.")] = "0s",
    cold_factor: Annotated[float, typer.Option(help="How many times slower it is when cold.")] = 3.0,
    doctors: Annotated[int, typer.Option(help="Doctors to book with.")] = 20,
    slots_per_doctor: Annotated[int, typer.Option(help="Slots of each doctor; each is booked once.")] = 5000,
    inventory: Annotated[
        Path | None, typer.Option(help="sqlite file shared with other backends; private if not given.")
    ] = None,
    fault: Annotated[
        str, typer.Option(help="Fault from the start: error, slow, hang or refuse[:share=,factor=,seconds=].")
    ] = "none",
    seed: Annotated[int, typer.Option(help="Seed of its chance.")] = 1,
) -> None:
    """Run a simulated booking backend with a real capacity, a breaking point and faults on demand.

    Example: talon backend --listen 127.0.0.1:9001 --workers 4 --service-time 40ms
    """
    _told(
        lambda: _backend(
            listen=listen,
            model={
                "workers": workers,
                "service_time": parse_duration(service_time, "--service-time"),
                "contention": contention,
                "backlog": backlog,
                "warmup": parse_duration(warmup, "--warmup"),
                "cold_factor": cold_factor,
            },
            stock=(doctors, slots_per_doctor, inventory),
            fault=fault,
            seed=seed,
        )
    )


def loadtest_command(
    profile: Annotated[
        str, typer.Argument(help="morning-peak, opening, step or steady; or curve, with --curve.")
    ] = "morning-peak",
    target: Annotated[str, typer.Option(help="Site to visit.")] = "http://127.0.0.1:8080",
    peak: Annotated[
        float | None, typer.Option(help="Height of the peak in times the backend's capacity. 5 if not given.")
    ] = None,
    visits_per_second: Annotated[float | None, typer.Option(help="Height of the peak in visits/s.")] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="Simulated backend whose capacity --peak means, if not the target; may be repeated."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Length of the arrivals. 1 if not given.")] = None,
    curve: Annotated[Path | None, typer.Option(help="CSV with the columns seconds,visits_per_s.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same arrivals.")] = 1,
    patience: Annotated[str, typer.Option(help="How long visitors put up with errors.")] = "60s",
    think: Annotated[str, typer.Option(help="Time between two steps of a visit.")] = "300ms-1.2s",
    timeout: Annotated[str, typer.Option(help="Time until visitors reload a page that stays empty.")] = "5s",
    drain: Annotated[str, typer.Option(help="Time for the last visits to end after the arrivals.")] = "2m",
    browsers: Annotated[float, typer.Option(help="Share of visitors that ask for pages, not JSON.")] = 0.0,
    leavers: Annotated[float, typer.Option(help="Share that leaves while waiting.")] = 0.0,
    no_shows: Annotated[float, typer.Option(help="Share that is gone when its turn comes.")] = 0.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write locust's report as HTML.")] = None,
    web: Annotated[bool, typer.Option("--web", help="Show locust's web page during the run.")] = False,
    progress: Annotated[
        ProgressStyle, typer.Option(help="live line, plain lines or one JSON line a second; auto looks.")
    ] = ProgressStyle.AUTO,
) -> None:
    """Send a peak of visitors to a site and report what became of them.

    Example: talon loadtest morning-peak --target http://127.0.0.1:8080 --visits-per-second 125 --minutes 1
    """
    from loadtests.command import LoadtestOrder, loadtest
    from loadtests.users.habits import Habits

    def run() -> None:
        try:
            habits = Habits(
                patience=parse_duration(patience, "--patience"),
                think=parse_span(think, "--think"),
                timeout=parse_duration(timeout, "--timeout"),
                browser_share=browsers,
                leaver_share=leavers,
                no_show_share=no_shows,
            )
        except ValueError as error:
            raise BadInput(f"--patience, --timeout, --browsers, --leavers, --no-shows: {error}") from None
        order = LoadtestOrder(
            profile=profile,
            target=parse_url(target, "--target"),
            backends=tuple(parse_url(url, "--backend") for url in backend or ()),
            peak=peak,
            visits_per_second=visits_per_second,
            minutes=minutes,
            curve=curve,
            seed=seed,
            drain=parse_duration(drain, "--drain"),
            habits=habits,
            json_file=json_file,
            html_file=html_file,
            web=web,
        )
        loadtest(order, progress)

    _told(run)


def _backend(
    *, listen: str, model: dict[str, float], stock: tuple[int, int, Path | None], fault: str, seed: int
) -> None:
    import uvloop

    from loadtests.backend.faults import parse_fault
    from loadtests.backend.serve import BackendPlan, serve
    from loadtests.backend.service import ServiceModel

    host, port = parse_listen(listen, "--listen")
    try:
        service = ServiceModel(**model)  # type: ignore[arg-type]
    except ValueError as error:
        name, _, expected = str(error).partition(": ")
        raise BadInput(f"--{name.replace('_', '-')}: {expected}") from None
    try:
        first_fault = parse_fault(fault)
    except ValueError as error:
        raise BadInput(f"--fault: {error}") from None
    doctors, slots_per_doctor, inventory = stock
    plan = BackendPlan(
        host=host,
        port=port,
        model=service,
        doctors=doctors,
        slots_per_doctor=slots_per_doctor,
        inventory=inventory,
        fault=first_fault,
        seed=seed,
    )
    uvloop.run(serve(plan, announce=lambda line: print(line, flush=True)))


def _told(command: Callable[[], None]) -> None:
    """Run a command; what the user caused becomes one line on stderr and exit code 2."""
    try:
        command()
    except BadInput as error:
        print(f"talon: {error}", file=sys.stderr)
        raise typer.Exit(2) from None

"""The gateway's commands: serve, check-config, config-schema, explain, status, verify-order, pass-keys."""

import asyncio
import contextlib
import gc
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from gateway.settings import Settings

MAX_WORKERS = 64


class KeyForm(StrEnum):
    """How keys are printed."""

    MAP = "map"
    JWKS = "jwks"


ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The YAML configuration.", show_default=False)]


def fail(message: object) -> typer.Exit:
    """Say on standard error what is wrong and return the exit that the caller raises: code 2."""
    typer.echo(f"talon: {message}", err=True)
    return typer.Exit(2)


def serve(
    config: ConfigFile,
    workers: Annotated[int, typer.Option(help="Processes that share the address; one for each core is enough.")] = 1,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; open requests are answered first. SIGHUP reads the file again.

    Example: talon serve --config config/talon.yaml --workers 4
    """
    from gateway.settings import load

    if not 1 <= workers <= MAX_WORKERS:
        raise fail(f"--workers: expected 1 to {MAX_WORKERS}, got {workers}")
    try:
        settings = load(config)
        _rest_seldom()
        _open_many_files()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, config) if workers == 1 else _supervise(settings, config, workers))
    except ConfigError as error:
        raise fail(error) from error
    except StoreUnavailable as error:
        raise fail(f"store: it answered and then did not: {error}; start again when it is well") from error


async def _serve(settings: "Settings", config: Path) -> None:
    from gateway.app import Gateway
    from gateway.settings import load

    await Gateway(settings, reread=partial(load, config)).run(
        lambda it: None if settings.listen.startswith("fd:") else _announce(settings, it.listen, it.admin)
    )


async def _supervise(settings: "Settings", config: Path, workers: int) -> None:
    from gateway.settings import load
    from gateway.supervisor import Supervisor

    supervisor = Supervisor(settings, config, workers, partial(load, config))
    await supervisor.run(lambda it: _announce(settings, it.listen, it.admin))


def _announce(settings: "Settings", listen: str, admin: str) -> None:
    """Say where the gateway is, once it is there; a worker says nothing, its supervisor does."""
    scheme = "https" if settings.tls.certificate else "http"
    visitors = listen if listen.startswith("unix:") else f"{scheme}://{listen}"
    operators = admin if admin.startswith("unix:") else f"http://{admin}/dashboard"
    typer.echo(f"visitors {visitors}  operators {operators}")
    sys.stdout.flush()


def _rest_seldom() -> None:
    """Let the garbage collector look at what a request leaves behind less often, and never at what is there for good.

    Requests leave no cycles of references behind in the ordinary course; by default it looks at every other request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _open_many_files() -> None:
    """Allow as many open files as the system lets this process have: each connection is one."""
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.Loop


def check_config(file: Annotated[Path, typer.Argument(help="The YAML configuration.")]) -> None:
    """Validate a configuration file, and the certificates that it names; says the first thing that is wrong and where.

    Example: talon check-config config/talon.yaml
    """
    from gateway.settings import load
    from gateway.tls import node_contexts, visitors_context

    try:
        settings = load(file)
        visitors_context(settings.tls)
        node_contexts(settings.pools)
    except ConfigError as error:
        raise fail(error) from error
    nodes = sum(len(pool.nodes) for pool in settings.pools.values())
    typer.echo(f"{file}: valid; {len(settings.rooms)} rooms, {len(settings.pools)} pools, {nodes} nodes")


def config_schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    Example: talon config-schema > talon.schema.json
    """
    import json

    from gateway.settings import Settings

    typer.echo(json.dumps(Settings.model_json_schema(), indent=2))


def explain(
    config: ConfigFile,
    method: Annotated[str, typer.Option(help="Request method.")] = "GET",
    path: Annotated[str, typer.Option(help="Request path, as sent.")] = "/",
    header: Annotated[list[str] | None, typer.Option(help="A header, 'Name: value'; repeatable.")] = None,
    remote: Annotated[str, typer.Option(help="Address that the request comes from. Default: a trusted proxy's.")] = "",
) -> None:
    """Say what the gateway would do with a request: class, room, lane and what gave it, decision and reason.

    Example: talon explain --config config/talon.yaml --method GET --path /slots
    """
    from gateway.explain import explain_request
    from gateway.settings import load

    try:
        settings = load(config)
        headers = [_header(line) for line in header or []]
        for name, value in explain_request(settings, method.upper(), path, headers, remote).items():
            typer.echo(f"{name:<9} {value}")
    except ConfigError as error:
        raise fail(error) from error


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise ConfigError(f"--header: expected 'Name: value', got {line!r}")
    return name.strip(), value.strip()


def status(
    admin: Annotated[str, typer.Option(help="The gateway's admin address.")] = "http://127.0.0.1:9090",
    watch: Annotated[bool, typer.Option("--watch", help="Refresh each second until Ctrl-C.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the JSON of the admin API.")] = False,
) -> None:
    """Show the room, the rate, the nodes and the forecast of a running gateway.

    Example: talon status --admin http://127.0.0.1:9090 --watch
    """
    from gateway.status import show_status

    try:
        show_status(admin, watch=watch, as_json=json_)
    except ConfigError as error:
        raise fail(error) from error
    except KeyboardInterrupt:
        return


def verify_order(
    document: Annotated[str, typer.Option(help="Now-serving document: a file, or http://SITE/_talon/rooms/NAME.")],
    lane: Annotated[str, typer.Option(help="Lane of the ticket.")],
    number: Annotated[int, typer.Option(help="Number of the ticket.")],
    noted_hash: Annotated[str, typer.Option(help="SHA-256 of the seed as it was shown before the opening.")] = "",
) -> None:
    """Recompute the position that an opening's shuffle gave a ticket, and check the seed against its commitment.

    Example: talon verify-order --document http://127.0.0.1:8080/_talon/rooms/booking --lane regular --number 17
    """
    from gateway.verify_order import fetch, verify

    try:
        found = verify(fetch(document), lane, number, noted_hash)
    except ConfigError as error:
        raise fail(error) from error
    typer.echo(f"position  {found.position}")
    if found.shuffled:
        typer.echo(f"cohort    {found.position - found.first} of {found.last - found.first}, shuffled")
    else:
        typer.echo(f"cohort    not in it: only tickets {found.first + 1} to {found.last} were shuffled")
    typer.echo(f"seed      fits its commitment {found.seed_hash}")


def pass_keys(
    config: ConfigFile,
    form: Annotated[
        KeyForm, typer.Option("--format", help="map: for HAProxy; jwks: for Envoy and others.")
    ] = KeyForm.MAP,
) -> None:
    """Print the keys by which passes are signed, for a proxy that verifies them itself. Whoever has them can let in.

    Example: talon pass-keys --config config/talon.yaml > /etc/haproxy/talon-keys.map
    """
    import base64
    import json

    from gateway.core.passes import signing_keys
    from gateway.secrets_file import read_keys
    from gateway.settings import load

    try:
        keys = signing_keys(read_keys(load(config).keys_file))
    except ConfigError as error:
        raise fail(error) from error
    if form is KeyForm.MAP:
        for name, key in keys.items():
            typer.echo(f"{name} {base64.b64encode(key).decode()}")
    else:
        shown = {name: base64.urlsafe_b64encode(key).rstrip(b"=").decode() for name, key in keys.items()}
        document = [{"kty": "oct", "kid": name, "alg": "HS256", "use": "sig", "k": key} for name, key in shown.items()]
        typer.echo(json.dumps({"keys": document}, indent=2))

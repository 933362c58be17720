"""The command `talon`: the commands of gateway, forecasting and rehearsal under one name.

Heavy libraries are imported only by the command that needs them, so `talon --help` is quick and the gateway's
process never holds pandas or prophet.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from forecasting.cli import app as forecast_commands
from gateway import cli as gateway_commands
from loadtests.cli import backend_command, loadtest_command
from talon.demo.cli import demo

if TYPE_CHECKING:
    from talon.classes import GatewayClassifier

INTERRUPTED = 130

app = typer.Typer(
    name="talon",
    help="Load-forecasting and traffic-shaping gateway for appointment booking.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo)
app.command()(gateway_commands.serve)
app.command()(gateway_commands.check_config)
app.command()(gateway_commands.config_schema)
app.command()(gateway_commands.explain)
app.command()(gateway_commands.status)
app.command()(gateway_commands.verify_order)
app.command()(gateway_commands.pass_keys)
app.add_typer(forecast_commands, name="forecast", help="From request logs to a published forecast and plan.")
app.command("backend")(backend_command)
app.command("loadtest")(loadtest_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; what a user can cause ends with code 2 and one line, Ctrl-C with 130."""
    try:
        # Without standalone mode the exit code comes back as the result, and usage errors are ours to say.
        result = typer.main.get_command(app).main(
            args=arguments, prog_name="talon", standalone_mode=False, obj=_classifier
        )
    except typer.TyperException as error:
        _say_usage(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    sys.exit(result if isinstance(result, int) else 0)


def _classifier(config: Path) -> "GatewayClassifier":
    """Return what tells the gateway's rooms and classes apart, for the commands of forecasting that ask for it."""
    from talon.classes import GatewayClassifier

    return GatewayClassifier(config)


def _say_usage(error: typer.TyperException) -> None:
    message = " ".join(error.format_message().split()).rstrip(".")
    if not message:
        return  # a group without a command has shown its help already
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "talon"
    typer.echo(f"talon: {message}; see {command} --help", err=True)

"""The command `talon`: the commands of gateway, forecasting and rehearsal under one name.

Heavy libraries are imported only by the command that needs them, so `talon --help` is quick and the gateway's
process never holds pandas or prophet.
"""

import sys

import typer

from forecasting.cli import app as forecast_commands
from gateway import cli as gateway_commands
from loadtests.cli import backend_command, loadtest_command
from talon.demo.cli import demo

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
app.add_typer(forecast_commands, name="forecast", help="From request logs to a published forecast and plan.")
app.command("backend")(backend_command)
app.command("loadtest")(loadtest_command)


def main() -> None:
    """Run the command line; usage errors and what a user can cause end with code 2."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)

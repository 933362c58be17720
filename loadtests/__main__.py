"""`python -m loadtests backend|loadtest`: the two commands without the rest of Talon."""

import typer

from loadtests.cli import backend_command, loadtest_command


def build_commands() -> typer.Typer:
    """The two commands as one program."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.command("backend")(backend_command)
    app.command("loadtest")(loadtest_command)
    return app


def main() -> None:
    """Run the command that the arguments name."""
    build_commands()()


if __name__ == "__main__":
    main()

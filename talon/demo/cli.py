"""The command `talon demo`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def demo(
    port: Annotated[int, typer.Option(help="The visitors' port; the operators' page is on the next one.")] = 8080,
    minutes: Annotated[float, typer.Option(help="Length of the whole demo.")] = 2.7,
    seed: Annotated[int, typer.Option(help="Chance of the visitors' arrivals and choices.")] = 1,
    headless: Annotated[bool, typer.Option("--headless", help="Plain lines instead of a live display.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the figures as JSON.")] = None,
) -> None:
    """Watch a real morning peak hit a booking backend twice: without the gateway, then through it.

    Everything runs on this machine and is gone when it ends, also after Ctrl-C.

    Example: talon demo --port 8080 --minutes 3
    """
    from gateway.cli import fail
    from talon.demo.run import run_demo
    from talon.demo.stage import StageFailed

    try:
        asyncio.run(run_demo(port=port, minutes=minutes, seed=seed, headless=headless, out=out))
    except (ValueError, StageFailed, OSError) as error:
        raise fail(f"demo: {error}") from error
    except KeyboardInterrupt:
        typer.echo("stopped; nothing is left running", err=True)
        raise typer.Exit(130) from None

"""`talon forecast list`, `promote` and `rollback`: which version is in service."""

from pathlib import Path
from typing import Annotated

import typer

from forecasting.options import reporting

ModelDir = Annotated[Path, typer.Option("--model-dir", help="Folder of model versions.")]


@reporting
def list_versions(model_dir: ModelDir) -> None:
    """List the versions with their scores, the newest first, and say which one is in service.

    Example: talon forecast list --model-dir var/models
    """
    from forecasting.models.service import listing
    from forecasting.views import say, show_versions

    found = listing(model_dir)
    if not found:
        say(f"{model_dir}: no model is registered here; make one with: talon forecast fit")
        return
    show_versions(found)


@reporting
def promote(
    version: Annotated[str, typer.Argument(help="A version that `list` shows.")],
    model_dir: ModelDir,
) -> None:
    """Put a version in service by hand; one that cannot forecast is refused, and the present one stays.

    Example: talon forecast promote 20261123T060000000000Z-1a2b3c4d --model-dir var/models
    """
    from forecasting.models import service
    from forecasting.views import say

    service.promote(model_dir, version)
    say(f"in service: {version}; publish it with: talon forecast publish")


@reporting
def rollback(model_dir: ModelDir) -> None:
    """Put the version in service that was so before the present one.

    Example: talon forecast rollback --model-dir var/models
    """
    from forecasting.models import service
    from forecasting.views import say

    say(f"in service again: {service.rollback(model_dir)}; publish it with: talon forecast publish")

"""The gateway's rooms and classes for those who read its logs: forecasting itself never imports the gateway."""

from pathlib import Path

from forecasting.core.errors import InputError
from gateway.build import classifier
from gateway.errors import ConfigError
from gateway.settings import load


class GatewayClassifier:
    """Tells room and class of a request as the gateway with a configuration would; can be sent to other processes."""

    def __init__(self, config: Path) -> None:
        try:
            self._classifier = classifier(load(config))
        except ConfigError as error:
            raise InputError(f"--config: {error}") from None

    def __call__(self, method: str, path: str) -> tuple[str, str]:
        """Return room (empty: none) and class of a method and a path without its query."""
        found = self._classifier.classify(method, path)
        return found.room or "", found.request_class.name

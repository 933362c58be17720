"""Silence for libraries that talk while they work, lifted again when the work is done."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_TALKATIVE = ("cmdstanpy", "prophet", "prophet.plot", "prophet.models", "prophet.forecaster")


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the log lines and warnings of Prophet and its compiler; errors still rise."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    disabled = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, before in zip(loggers, disabled, strict=True):
            logger.disabled = before

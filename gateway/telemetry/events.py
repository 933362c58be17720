"""Events for operators: one line each on standard error, a name and fields, never prose to be parsed."""

import logging
import sys
from datetime import UTC, datetime

import orjson


def event(name: str, **fields: object) -> None:
    """Write one event; fields are JSON values, anything else is shown by `str`."""
    line = {"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": name, **fields}
    sys.stderr.buffer.write(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))
    sys.stderr.buffer.flush()


class EventHandler(logging.Handler):
    """Turns what the HTTP server logs into events: what and which kind of error; no traceback, no visitor's data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one event; the message is its template, since what fills it comes from visitors."""
        kind = type(record.exc_info[1]).__name__ if record.exc_info else None
        event("http_server", level=record.levelname.lower(), said=str(record.msg), error=kind)


def http_logger() -> logging.Logger:
    """Return the logger to hand to the HTTP server."""
    logger = logging.Logger("talon.http", logging.WARNING)
    logger.addHandler(EventHandler())
    return logger

"""Events for operators: one line each on standard error, a name and fields, never prose to be parsed."""

import sys
from datetime import UTC, datetime

import orjson


def event(name: str, **fields: object) -> None:
    """Write one event; fields are JSON values, anything else is shown by `str`."""
    line = {"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": name, **fields}
    sys.stderr.buffer.write(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))
    sys.stderr.buffer.flush()

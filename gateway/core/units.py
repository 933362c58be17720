"""Durations with units, as written in configuration files: `250ms`, `10s`, `5m`, `2h`, `1d`."""

import re
from typing import Annotated, Any

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(text: object) -> float:
    """Return seconds; raises ValueError for anything but a number followed by ms, s, m, h or d."""
    match = _PATTERN.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"expected a duration with a unit (250ms, 10s, 5m, 2h, 1d), got {text!r}")
    return float(match[1]) * _UNITS[match[2]]


class _Duration:
    """Teaches pydantic, where it is used, to read durations; the core itself does not need pydantic."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(parse_duration, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {
            "type": "string",
            "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$",
            "examples": ["250ms", "10s", "5m"],
        }


Seconds = Annotated[float, _Duration()]
"""A time span in seconds; in configuration it is written with its unit."""

"""What a user types: durations, addresses and addresses of pages, each refused with one clear sentence."""

import re
from urllib.parse import urlsplit

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


class BadInput(Exception):
    """Something the user gave cannot be used; the message says what, where and what was expected."""


def parse_duration(text: str, option: str) -> float:
    """Return seconds; `option` is named when the text is not a number with a unit."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{option}: expected a duration with a unit (40ms, 5s, 2m, 1h), got {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def parse_span(text: str, option: str) -> tuple[float, float]:
    """Return the two ends of `LOW-HIGH`, both durations, in seconds and in order."""
    low, dash, high = text.partition("-")
    if not dash:
        raise BadInput(f"{option}: expected two durations with a dash (300ms-1.2s), got {text!r}")
    span = parse_duration(low, option), parse_duration(high, option)
    if span[0] > span[1]:
        raise BadInput(f"{option}: the first duration must not be longer than the second, got {text!r}")
    return span


def parse_listen(text: str, option: str) -> tuple[str, int]:
    """Return host and port; port 0 lets the system choose a free one."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise BadInput(f"{option}: expected HOST:PORT (127.0.0.1:9001), got {text!r}")
    return host.strip("[]"), int(port)


def parse_url(text: str, option: str) -> str:
    """Return the address without a trailing slash; only http and https with a host are taken."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in text:
        raise BadInput(f"{option}: expected an address like http://127.0.0.1:8080, got {text!r}")
    return text.rstrip("/")

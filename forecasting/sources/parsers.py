"""One line of an access log to one event: Common, Combined, HAProxy's, JSON lines of nginx and of the gateway itself,
and whatever a `log_format` of nginx describes.

Logs hold whatever the world sent. A parser therefore returns None for a line it cannot read and raises
for none, whatever the bytes.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple

import orjson

EARLIEST, LATEST = 315_532_800.0, 7_258_118_400.0  # 1980 and 2200: outside, a clock was never set

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
_COMMON = re.compile(
    rb"(\S+) \S+ [^\[]{0,256}\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d):(\d\d):(\d\d) ([+-]\d{4})\] "
    rb'"(.*?)" (\d{3}) (?:\d+|-)(?: "(.*?)" "((?:[^"\\]|\\.)*)")?'
)
_HAPROXY = re.compile(
    rb"(?:.{0,200}?\]: )?(\S+):\d+ \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d):(\d\d):(\d\d)(?:\.\d+)?\] "
    rb'\S+ \S+ [\d/+-]+ (\d{3}|-1) .*"([^"]*)"\s*$'
)
_TIME_KEYS = ("ts", "time", "timestamp", "@timestamp", "time_iso8601", "time_local", "msec")
_PATH_KEYS = ("path", "uri", "request_uri", "url")
_CLIENT_KEYS = ("remote_addr", "client_ip", "client", "remote_ip", "http_x_forwarded_for")
_AGENT_KEYS = ("user_agent", "http_user_agent", "agent")


class Event(NamedTuple):
    """What one log line says: when, who, what, and how it was answered."""

    at: float
    client: bytes
    method: str
    path: str
    status: int
    agent: str
    form: str
    kind: str = ""
    decision: str = ""
    visit: str = ""
    person: str = ""
    room: str = ""
    region: str = ""


class LineParser:
    """Reads lines of any of the known forms; keeps a small table of the hours it has seen.

    `pattern` is that of a `log_format`, which is tried first; `zone` is where times are from that name none.
    """

    def __init__(self, pattern: re.Pattern[bytes] | None = None, zone: tzinfo = UTC) -> None:
        self._pattern = pattern
        self._zone = zone
        self._hours: dict[tuple[bytes, bytes], float] = {}

    @property
    def is_described(self) -> bool:
        """Whether a `log_format` is tried first."""
        return self._pattern is not None

    def stamp(self, text: bytes) -> float:
        """Return the instant of a time such as `01/Jul/1995:00:00:01 -0400`, NaN where it is none."""
        try:
            at = self._hour(text[:14], text[21:]) + int(text[15:17]) * 60 + min(int(text[18:20]), 60)
        except (ValueError, OverflowError):
            return math.nan
        return at if EARLIEST <= at < LATEST else math.nan

    def parse(self, line: bytes) -> Event | None:
        """Return the event a line tells of, or None if it is in no form that is known."""
        try:
            event = self._event(line)
        except (ValueError, OverflowError, TypeError, RecursionError):
            return None
        return event if event is not None and EARLIEST <= event.at < LATEST else None

    def _event(self, line: bytes) -> Event | None:
        if self._pattern is not None and (match := self._pattern.match(line)) is not None:
            return self._described(match.groupdict())
        return self._json(line) if line.lstrip()[:1] == b"{" else self._common(line)

    def _described(self, found: Mapping[str, bytes]) -> Event | None:
        """Return the event of a line that fits the `log_format`."""
        text = {name: value.decode("utf-8", "replace") for name, value in found.items()}
        at = self._instant(_first(text, ("time_local", "time_iso8601", "msec")))
        method, path = asked(text.get("request", ""))
        if at is None:
            return None
        return Event(
            at=at,
            client=_client(found),
            method=text.get("request_method", method),
            path=text.get("request_uri") or text.get("uri") or path,
            status=int(text["status"]),
            agent=text.get("http_user_agent", ""),
            form="log_format",
        )

    def _haproxy(self, line: bytes) -> Event | None:
        match = _HAPROXY.match(line)
        if match is None:
            return None
        client, hour, minute, second, status, request = match.groups()
        method, path = asked(request.decode("utf-8", "replace"))
        at = self._hour(hour, b"") + int(minute) * 60 + min(int(second), 60)
        return Event(at=at, client=client, method=method, path=path, status=int(status), agent="", form="haproxy")

    def _common(self, line: bytes) -> Event | None:
        match = _COMMON.match(line)
        if match is None:
            return self._haproxy(line)
        client, hour, minute, second, zone, request, status, _, agent = match.groups()
        method, path = asked(request.decode("utf-8", "replace"))
        at = self._hour(hour, zone) + int(minute) * 60 + min(int(second), 60)
        return Event(
            at=at,
            client=client,
            method=method,
            path=path,
            status=int(status),
            agent=(agent or b"").decode("utf-8", "replace"),
            form="common" if agent is None else "combined",
        )

    def _hour(self, hour: bytes, zone: bytes) -> float:
        """Return the instant at which an hour such as `01/Jul/1995:00` began; at most 4096 are kept."""
        key = (hour, zone)
        known = self._hours.get(key)
        if known is None:
            if len(self._hours) >= 4096:
                self._hours.clear()
            moment = datetime(
                int(hour[7:11]), _MONTHS[hour[3:6]], int(hour[:2]), int(hour[12:14]), tzinfo=self._zone_of(zone)
            ) if hour[3:6] in _MONTHS else None  # fmt: skip
            if moment is None:
                raise ValueError(hour)
            known = self._hours[key] = moment.timestamp()
        return known

    def _zone_of(self, zone: bytes) -> tzinfo:
        if not zone:
            return self._zone
        return timezone(timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * (-1 if zone[:1] == b"-" else 1))

    def _json(self, line: bytes) -> Event | None:
        row = orjson.loads(line)
        if not isinstance(row, dict):
            return None
        at = self._instant(_first(row, _TIME_KEYS))
        method, path = _text(row, ("method", "request_method")), _text(row, _PATH_KEYS)
        request = row.get("request")
        if not path and isinstance(request, str):
            words = request.split(" ")
            method, path = (words[0], words[1]) if len(words) > 1 else (method, request)
        if at is None or not path:
            return None
        return Event(
            at=at,
            client=_text(row, _CLIENT_KEYS).encode("utf-8", "replace"),
            method=method,
            path=path,
            status=int(_first(row, ("status",), 0)),
            agent=_text(row, _AGENT_KEYS),
            form="json",
            kind=_text(row, ("class",)),
            decision=_text(row, ("decision",)),
            visit=_text(row, ("visit",)),
            person=_text(row, ("person",)),
            room=_text(row, ("room",)),
            region=_text(row, ("region",)),
        )

    def _instant(self, value: object) -> float | None:
        """Return an instant given as ISO 8601, as the Common form, in seconds or in milliseconds."""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return None
        if isinstance(value, str):
            common = re.fullmatch(r"(\d\d/\w{3}/\d{4}:\d\d):(\d\d):(\d\d) ([+-]\d{4})", value, re.ASCII)
            if common:
                hour, minute, second, zone = common.groups()
                return self._hour(hour.encode(), zone.encode()) + int(minute) * 60 + int(second)
            if not re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII):
                moment = datetime.fromisoformat(value)
                return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp()
        seconds = float(value)
        return seconds / 1000 if seconds > 1e11 else seconds


def asked(request: str) -> tuple[str, str]:
    """Return method and path of a request line; one without a method is a path."""
    words = request.split(" ")
    return (words[0], words[1]) if len(words) > 1 else ("", words[0])


def _client(found: Mapping[str, bytes]) -> bytes:
    """Return who asked: the first address of X-Forwarded-For where that is logged, else the peer's."""
    for name in ("http_x_forwarded_for", "http_x_real_ip", "realip_remote_addr", "remote_addr"):
        value = found.get(name, b"-").partition(b",")[0].strip()
        if value not in (b"", b"-"):
            return value
    return b""


def _first(row: Mapping[str, Any], keys: tuple[str, ...], default: Any = None) -> Any:
    return next((row[key] for key in keys if row.get(key) is not None), default)


def _text(row: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    value = _first(row, keys)
    return value if isinstance(value, str) else ""

"""Limits of visitors' connections."""

from dataclasses import dataclass

from gateway.core.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPolicy:
    """Times in seconds, sizes in bytes; 0 switches `request_timeout` and `per_address` off.

    `head_timeout` is for the head of a request, the first one from the connection's beginning; `idle_timeout` for the
    time between requests. A body may take `body_timeout` and another second for each `slowest` bytes of it; a visitor
    may take `send_timeout`, and as much more, to read what lies ready. `request_timeout` ends a request, a stream or a
    tunnel whatever it does. A visitor who has closed one direction gets `half_closed` for the answer to a read.
    """

    head_timeout: Seconds = 15.0
    idle_timeout: Seconds = 75.0
    body_timeout: Seconds = 30.0
    send_timeout: Seconds = 30.0
    slowest: int = 1000
    request_timeout: Seconds = 3600.0
    half_closed: Seconds = 1.0
    max_line: int = 8190
    max_field: int = 8190
    max_fields: int = 128
    max_connections: int = 20_000
    per_address: int = 1000
    proxy_protocol: bool = False

    def __post_init__(self) -> None:
        if min(self.head_timeout, self.idle_timeout, self.body_timeout, self.send_timeout) <= 0:
            raise ValueError("head_timeout, idle_timeout, body_timeout and send_timeout must be above 0s")
        if min(self.request_timeout, self.half_closed, self.per_address) < 0:
            raise ValueError("request_timeout, half_closed and per_address must not be negative")
        if self.slowest < 1:
            raise ValueError("slowest must be at least 1 byte in a second")
        if not (200 <= self.max_line <= 65_536 and 200 <= self.max_field <= 65_536):
            raise ValueError("max_line and max_field must be in 200..65536")
        if not 10 <= self.max_fields <= 1000:
            raise ValueError("max_fields must be in 10..1000")
        if self.max_connections < 1:
            raise ValueError("max_connections must be at least 1")

    @property
    def look(self) -> float:
        """Seconds between two looks at the connections."""
        times = (self.head_timeout, self.idle_timeout, self.body_timeout, self.send_timeout)
        return min(0.5, max(0.01, min(times) / 10))

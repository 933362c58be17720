"""One visitor's browser: a kept-alive connection and a small cookie jar over geventhttpclient.

Half the processor time of locust's own session (79 against 161 us a request, measured), which is what
lets thousands of visitors share a core with the gateway they test.
"""

from time import perf_counter, time
from typing import Any
from urllib.parse import urlsplit

from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError

from loadtests.users.journey import Ask, Reply
from loadtests.users.reading import Answer, NoAnswer

TICKET_COOKIE = "talon_ticket"
_MAX_COOKIES = 20


class VisitorClient:
    """Performs a visit's requests against one site; never raises for what a network can do."""

    def __init__(self, target: str, *, timeout: float) -> None:
        parts = urlsplit(target)
        self.cookies: dict[str, str] = {}
        self._prefix = parts.path.rstrip("/")
        self._http: Any = HTTPClient(
            parts.hostname or "",
            parts.port,
            ssl=parts.scheme == "https",
            connection_timeout=timeout,
            network_timeout=timeout,
            disable_ipv6=False,
        )

    def perform(self, ask: Ask) -> Reply:
        """Send one request and read the whole answer, within the timeout for each of the two."""
        headers = dict(ask.headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        began = perf_counter()
        try:
            response = self._http.request(ask.method, self._prefix + ask.path, body=ask.body, headers=headers)
            body = bytes(response.read())
        except TimeoutError:
            return NoAnswer(at=time(), elapsed=perf_counter() - began, timed_out=True)
        except (OSError, HTTPParseError):
            return NoAnswer(at=time(), elapsed=perf_counter() - began, timed_out=False)
        return Answer(
            at=time(),
            elapsed=perf_counter() - began,
            status=response.status_code,
            body=body,
            content_type=response.get("content-type", ""),
            retry_after=response.get("retry-after"),
            gives_ticket=TICKET_COOKIE in self._take_cookies(response.info().getlist("set-cookie")),
        )

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _take_cookies(self, lines: list[str]) -> set[str]:
        """Keep what is set, drop what is expired; the names that got a value."""
        kept: set[str] = set()
        for line in lines:
            pair, _, attributes = line.partition(";")
            name, _, value = pair.strip().partition("=")
            if not value or "max-age=0" in attributes.lower().replace(" ", ""):
                self.cookies.pop(name, None)
            elif name in self.cookies or len(self.cookies) < _MAX_COOKIES:
                self.cookies[name] = value
                kept.add(name)
        return kept

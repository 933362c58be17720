"""A visitor over plain HTTP: keeps cookies and, when told to wait, may obey Retry-After."""

import http.client
import json
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import pytest

TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


def ask(address: str, path: str, method: str = "GET", body: object = None, **headers: str) -> Answer:
    """Send one request on a connection of its own; header names are written with `_` for `-`."""
    return _exchange(address, path, method, body, headers)[0]


def _exchange(
    address: str, path: str, method: str, body: object, headers: dict[str, str]
) -> tuple[Answer, list[tuple[str, str]]]:
    sent = {"Accept": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        sent["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    try:
        connection.request(method, path, body=data, headers={**sent, "Connection": "close"})
        response = connection.getresponse()
        fields = response.getheaders()
        read = response.read()
    finally:
        connection.close()
    lower = {name.lower(): value for name, value in fields}
    return Answer(status=response.status, headers=lower, body=read), fields


@dataclass(slots=True)
class Visitor:
    """One person's client; `address` may change when the gateway comes back elsewhere."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str = "/doctors", method: str = "GET", body: object = None, **headers: str) -> Answer:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer, fields = _exchange(self.address, path, method, body, headers)
        for name, value in fields:
            if name.lower() == "set-cookie":
                self._keep(value)
        return answer

    def _keep(self, text: str) -> None:
        for name, morsel in SimpleCookie(text).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value

    @property
    def inside(self) -> bool:
        return "talon_pass" in self.cookies

    def queue(self) -> dict[str, Any]:
        """Ask at the door and return the place in the queue; fails when the visitor gets in."""
        answer = self.ask()
        assert answer.status == 503, answer
        assert "talon_ticket" in self.cookies
        return answer.json()

    def get_in(self, deadline: float = 20.0) -> None:
        """Ask until admitted, more often than the rule of Retry-After asks for."""
        end = time.monotonic() + deadline
        while (answer := self.ask()).status != 200:
            assert answer.status == 503, answer
            if time.monotonic() > end:
                pytest.fail(f"not admitted within {deadline:g} s: {answer.body!r}")
            time.sleep(0.05)

    def book(self) -> str:
        """Book an appointment as the portal's JSON clients do and return its id; every step must succeed."""
        slots = self.ask("/doctors/1/slots")
        assert slots.status == 200, slots
        held = self.ask("/bookings", "POST", {"slot": slots.json()["slots"][0], "person": "Ada"})
        assert held.status == 201, held
        confirmed = self.ask(f"/bookings/{held.json()['id']}/confirm", "POST")
        assert (confirmed.status, confirmed.json()["state"]) == (200, "confirmed")
        return str(held.json()["id"])

"""Reading and writing the visitor's tokens: cookies first, then the headers for clients without cookies.

Verified tokens are remembered by their text (bounded, the oldest goes), so a visit's second request
costs a dictionary look-up; validity in time is checked on every request.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from gateway.core import passes, ticket
from gateway.core.keyring import KeyRing
from gateway.core.passes import Pass, PassInvalid
from gateway.core.ticket import Ticket, TicketInvalid
from gateway.web.cookies import cookie_values
from gateway.wire.plain_request import PlainRequest

TICKET_COOKIE = "talon_ticket"
PASS_COOKIE = "talon_pass"
TICKET_HEADER = "Talon-Ticket"
PASS_HEADER = "Talon-Pass"
TICKET_AGE = 172_800
"""Seconds that a browser keeps a ticket: long enough to show tomorrow that it did not let in today."""
MAX_CACHED = 50_000
Token = TypeVar("Token")


@dataclass(slots=True)
class Tokens:
    """Owns the keys and the memory of verified tokens."""

    keys: KeyRing
    secure: bool = False
    _passes: OrderedDict[str, Pass] = field(default_factory=OrderedDict)
    _tickets: OrderedDict[str, Ticket] = field(default_factory=OrderedDict)

    def take_keys(self, keys: KeyRing) -> None:
        """Verify and sign with other keys from now on; what the old ones have verified is verified anew."""
        self.keys = keys
        self._passes.clear()
        self._tickets.clear()

    def admission(self, request: web.BaseRequest, room: str, now: float) -> Pass | None:
        """Return the request's pass if it opens `room` now."""
        for token in candidates(request, PASS_COOKIE, PASS_HEADER):
            try:
                admission = _remember(self._passes, token, self._read_pass)
                passes.check(admission, room=room, now=now)
            except PassInvalid:
                continue
            return admission
        return None

    def _read_pass(self, token: str) -> Pass:
        return passes.decode(token, self.keys)

    def ticket(self, request: web.BaseRequest, room: str) -> Ticket | None:
        """Return the request's ticket for `room`, or None."""
        for token in candidates(request, TICKET_COOKIE, TICKET_HEADER):
            found = self.read_ticket(token)
            if found is not None and found.room == room:
                return found
        return None

    def read_ticket(self, token: str) -> Ticket | None:
        """Return the ticket of a token, or None when no known key signed it."""
        try:
            return _remember(self._tickets, token, lambda text: ticket.decode(text, self.keys))
        except TicketInvalid:
            return None

    def ticket_cookie(self, held: Ticket) -> str:
        """Return the Set-Cookie value that hands the ticket out."""
        return self.cookie(TICKET_COOKIE, ticket.encode(held, self.keys), max_age=TICKET_AGE)

    def pass_cookies(self, admission: Pass, now: float) -> tuple[str, str]:
        """Return the Set-Cookie values that hand the pass out and take the ticket back."""
        token = passes.encode(admission, self.keys)
        age = max(1, int(admission.cap_at - now))
        return self.cookie(PASS_COOKIE, token, max_age=age), self.left_cookie()

    def left_cookie(self) -> str:
        """Return the Set-Cookie value that takes the ticket back: its place was given up."""
        return self.cookie(TICKET_COOKIE, "", max_age=0)

    def ended_cookie(self) -> str:
        """Return the Set-Cookie value that takes the pass back: the visit is over."""
        return self.cookie(PASS_COOKIE, "", max_age=0)

    def cookie(self, name: str, value: str, max_age: int) -> str:
        """Return the Set-Cookie value of any cookie of the gateway, with the flags that all of them have."""
        secure = "; Secure" if self.secure else ""
        return f"{name}={value}; Max-Age={max_age}; Path=/; HttpOnly; SameSite=Lax{secure}"


def candidates(request: web.BaseRequest, cookie: str, header: str) -> tuple[str, ...]:
    """Return what a request shows in a cookie and in the header for clients without cookies."""
    if type(request) is PlainRequest:
        return cookie_values(request.fields.cookie, cookie)  # it has none of the gateway's fields
    found = cookie_values(request.headers.get("Cookie", ""), cookie)
    named = request.headers.get(header)
    return (*found, named) if named else found


def _remember(cache: "OrderedDict[str, Token]", text: str, read: Callable[[str], Token]) -> Token:
    known = cache.get(text)
    if known is None:
        known = cache[text] = read(text)
        if len(cache) > MAX_CACHED:
            cache.popitem(last=False)
    return known

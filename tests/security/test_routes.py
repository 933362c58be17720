"""No way of writing a request leads past the room: spellings, forms, methods, hosts, upgrades, connections."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.classify import DEFAULT_CLASSES, Classifier
from tests.security.conftest import Answer, Entrance

Start = Callable[..., Any]

SPELLINGS = [
    "/BOOKING",
    "/bOoKiNg/slots",
    "//booking",
    "///booking///slots",
    "/%62ooking",
    "/%2562ooking",
    "/%2Fbooking",
    "/%252Fbooking",
    "/x%2F..%2Fbooking",
    "/x%252F..%252Fbooking",
    "/booking;a=1",
    "/booking;a=1/slots",
    "/;a/booking",
    "/booking.",
    "/booking./slots",
    "/booking%20",
    "/./booking",
    "/x/../booking",
    "/x/%2e%2e/booking",
    "/x/%252e%252e/booking",
    "/x/..;a/booking",
    "/x\\..\\booking",
    "/x%5c..%5cbooking",
    "/\\booking",
    "/booking?x=/../about",
    "/booking#/../style.css",
    "/booking/style.css;x",
    "/booking/%2e/style.css",
    "/booking//style.css",
    "/booking/..%2fbooking/style.css",
]
"""Targets that some backend reads as a path of the room, and that are not plainly written express paths."""


async def test_no_spelling_gets_past_the_room(full: Entrance) -> None:
    """Without a pass each spelling, also in absolute form, waits and does not reach the backend."""
    for target in (*SPELLINGS, *(f"http://elsewhere{spelling}" for spelling in SPELLINGS)):
        answer = await full.ask(target)
        assert (answer.status, full.backend.asked) == (503, []), target


async def test_what_was_judged_is_what_is_sent(free: Entrance) -> None:
    """With a pass the backend gets the very target that was judged, not a tidied one; fragments stay here."""
    admission = await free.admitted()
    for target in SPELLINGS:
        assert (await free.ask(target, f"Talon-Pass: {admission}")).status == 200, target
        assert free.backend.asked[-1].split(b" ")[1] == target.partition("#")[0].encode()


async def test_no_method_gets_past_the_room(full: Entrance) -> None:
    """Every method that the server knows waits as GET does; TRACE, which shows what was sent, is for nobody."""
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"):
        answer = await full.ask("/booking/slots", method=method)
        assert (answer.status, full.backend.asked) == (503, []), method
    for target in ("/booking/slots", "/about", "/style.css"):
        assert ((await full.ask(target, method="TRACE")).status, full.backend.asked) == (405, [])


async def test_unknown_methods_are_refused(full: Entrance) -> None:
    """What is not a method is answered with 400 wherever it points."""
    for method in ("BREW", "get", "G", "PRI", "GET\x00", "GET\t", "A" * 100):
        for target in ("/booking", "/about", "/style.css"):
            assert (await full.ask(target, method=method)).status == 400, method
    assert full.backend.asked == []


async def test_no_tunnels_are_opened(full: Entrance) -> None:
    """CONNECT is refused, also for unprotected and express paths: the gateway leads to its own nodes only."""
    for target in ("portal:443", "127.0.0.1:22", "/about", "/login", "/booking", "*"):
        answer = await full.ask(target, method="CONNECT")
        assert (answer.status, full.backend.asked) == (405, []), target
        assert "CONNECT" not in answer.all("Allow")[0]


@pytest.mark.parametrize(
    "target",
    [
        "booking",
        "\\booking",
        "?x",
        "http:/booking",
        "http://[/booking",
        "http://portal\\booking",
        "http://h:99999/booking",
    ],
)
async def test_targets_that_are_none_are_refused(full: Entrance, target: str) -> None:
    """A target that is neither a path nor an address is answered with 400."""
    assert ((await full.ask(target)).status, full.backend.asked) == (400, [])


@pytest.mark.parametrize("path", ["/booking{}", "/booking{}/slots", "/boo{}king", "/about{}/../booking", "/x{}.css"])
async def test_control_characters_are_refused(full: Entrance, path: str) -> None:
    """Servers cut a path off there, drop the character or keep it: such a path is refused in problem form."""
    for code in ("%00", "%0a", "%0D", "%0d%0a", "%09", "%7f", "%1f", "%2500", "%250a"):
        answer = await full.ask(path.format(code))
        assert (answer.status, answer.all("Content-Type")) == (400, ["application/problem+json"]), code
        assert b'"bad_path"' in answer.body
    assert full.backend.asked == []


async def test_a_control_character_in_the_query_is_the_backends(full: Entrance) -> None:
    """Only the path decides about rooms: text with line ends may be sent in a query."""
    assert (await full.ask("/about?text=a%0d%0ab")).status == 200
    assert full.backend.asked[0].startswith(b"GET /about?text=a%0d%0ab HTTP/1.1\r\n")


async def test_the_host_does_not_matter(full: Entrance) -> None:
    """Another name, port, case or trailing dot of the host leads into the same room."""
    for host in ("portal.", "PORTAL", "portal:8443", "www.portal", "127.0.0.1", "evil.example", ""):
        answer = await full.raw(f"GET /booking HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert (Answer.read(answer).status, full.backend.asked) == (503, []), host


@pytest.mark.parametrize(
    "fields",
    [
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA=="),
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    ],
)
async def test_upgrades_wait_too_and_open_no_tunnel(free: Entrance, fields: tuple[str, ...]) -> None:
    """An upgrade waits without a pass; with one it is forwarded as a plain request."""
    admission = await free.admitted()
    for held, status in (((), 503), ((f"Talon-Pass: {admission}",), 200)):
        request = "\r\n".join(["GET /booking HTTP/1.0", "Host: x", *fields, *held]) + "\r\n\r\n"
        assert Answer.read(await free.raw(request.encode())).status == status
    assert len(free.backend.asked) == 1
    assert free.backend.fields_of("Upgrade") == free.backend.fields_of("HTTP2-Settings") == []


async def test_a_pass_does_not_stick_to_a_connection(free: Entrance) -> None:
    """On one connection each request shows its own pass; one without waits."""
    admission = await free.admitted()
    one = f"GET /booking/1 HTTP/1.1\r\nHost: x\r\nTalon-Pass: {admission}\r\n\r\n"
    other = "GET /booking/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = await free.raw((one + other).encode())
    assert answers.count(b"HTTP/1.1 200") == answers.count(b"HTTP/1.1 503") == 1
    assert [asked.split(b" ")[1] for asked in free.backend.asked] == [b"/booking/1"]


@pytest.mark.parametrize(
    "fields",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 50"),
        ("Content-Length: +5",),
        ("Content-Length: 5, 5",),
        ("Content-Length: 0x5",),
        ("Content-Length: -1",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: xchunked",),
        ("X: y", " Transfer-Encoding: chunked"),
    ],
)
async def test_no_request_hides_in_the_body_of_another(full: Entrance, fields: tuple[str, ...]) -> None:
    """A length that could be read in two ways is refused before anything reaches the backend."""
    head = "\r\n".join(["POST /about HTTP/1.1", "Host: x", "Connection: close", *fields])
    answer = Answer.read(await full.raw(head.encode() + b"\r\n\r\n0\r\n\r\nGET /booking HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert (answer.status, full.backend.asked) == (400, [])


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X_HTTP_Method_Override"]
)
async def test_an_overridden_method_is_not_express(full: Entrance, name: str) -> None:
    """A request that asks to be read with another method waits, whatever its own method would allow."""
    answer = await full.ask("/booking/bookings/7/cancel", f"{name}: GET", method="POST")
    assert (answer.status, full.backend.asked) == (503, [])
    assert (await full.ask("/booking/bookings/7/cancel", method="POST")).status == 200


@pytest.mark.parametrize("written", ["/booking/", "/booking", "/Booking", "//booking", "/%62ooking", "/booking/."])
def test_a_room_holds_however_its_path_is_configured(written: str) -> None:
    """The configured path is read as the request's is, so that a slash at its end opens no hole."""
    classifier = Classifier(classes=DEFAULT_CLASSES, rooms={"booking": (written,)})
    for path in ("/booking", "/booking/", "/booking/slots", "//Booking"):
        assert classifier.classify("GET", path).room == "booking"
    assert classifier.classify("GET", "/bookings").room is None

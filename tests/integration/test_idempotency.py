"""A booking whose answer was lost is booked once and answered on repetition: real gateways, store and backend."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.conftest import free_port
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import Child, wait_for
from tests.integration.visitor import Answer, ask

pytestmark = pytest.mark.integration
SLOT = {"slot": 7}
BODY = json.dumps(SLOT).encode()


class Bookings(ThreadingHTTPServer):
    """A backend that has never heard of the field: each POST is a booking, after `held` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        self.made: list[bytes] = []
        self.begun = 0
        self.free = threading.Event()
        self.free.set()
        super().__init__(("127.0.0.1", free_port()), Booking)


class Booking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bookings

    def do_GET(self) -> None:
        self._answer(200, b"ok")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.begun += 1
        self.server.free.wait(20.0)
        self.server.made.append(body)
        self._answer(201, b"booking %d" % len(self.server.made))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bookings() -> Iterator[Bookings]:
    server = Bookings()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.free.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateways(portal: Portal, bookings: Bookings, redis: Child) -> list[Gateway]:
    """Two gateways on one Redis, without a room; a key is held for 2 s at most."""
    portal.backends.append(f"http://127.0.0.1:{bookings.server_port}")
    proxy = {"read_timeout": "1s", "queue_timeout": "500ms", "idempotency": {"unknown": "500ms"}}
    common: dict[str, Any] = {"store": f"unix://{portal.folder / 'redis.sock'}", "rooms": {}, "proxy": proxy}
    return portal.start_gateways(
        *(portal.config(name, **common, data_dir=str(portal.folder / name)) for name in ("one", "two"))
    )


def book(gateway: Gateway, key: str = "k1", slot: object = SLOT) -> Answer:
    return ask(gateway.visitors, "/bookings", "POST", slot, Idempotency_Key=f'"{key}"')


def test_a_lost_answer_is_given_again_by_any_gateway(gateways: list[Gateway], bookings: Bookings) -> None:
    """The client hangs up before the answer; both gateways then give it, and one booking was made."""
    one, two = gateways
    bookings.free.clear()
    host, port = one.visitors.split(":")
    with socket.create_connection((host, int(port))) as client:
        head = ["POST /bookings HTTP/1.1", "Host: x", "Idempotency-Key: k1", "Content-Type: application/json"]
        client.sendall("\r\n".join([*head, f"Content-Length: {len(BODY)}", "", ""]).encode() + BODY)
        wait_for(lambda: bookings.begun == 1, 5.0, "the booking has begun")
    assert book(two).status == 409
    bookings.free.set()
    wait_for(lambda: len(bookings.made) == 1, 5.0, "the booking is made")
    wait_for(lambda: book(two).status == 201, 5.0, "the answer is kept")
    for gateway in gateways:
        again = book(gateway)
        assert (again.status, again.body, again.headers["idempotency-replayed"]) == (201, b"booking 1", "true")
    assert book(one, slot={"slot": 8}).status == 422
    assert book(one, "k2").body == b"booking 2"
    assert bookings.made == [BODY, BODY]


def test_a_gateway_that_is_killed_leaves_no_lock_for_ever(gateways: list[Gateway], bookings: Bookings) -> None:
    """Its key is held as long as its request could have taken; then the repetition is carried out."""
    one, two = gateways
    bookings.free.clear()
    asking = threading.Thread(target=lambda: _unanswered(one), daemon=True)
    asking.start()
    wait_for(lambda: bookings.begun == 1, 5.0, "the booking has begun")
    one.child.kill()
    asking.join(5.0)
    assert book(two).status == 409
    bookings.free.set()
    wait_for(lambda: book(two).status == 201, 6.0, "the lock has ended")


def _unanswered(gateway: Gateway) -> None:
    try:
        book(gateway)
    except OSError:
        return

"""Out of slots: a real backend says so in its answers, and a real gateway's queue says it to those who wait."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.integration.portal import Portal, opened_portal
from tests.integration.processes import talon, wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration


class Clinic(BaseHTTPRequestHandler):
    """Answers everything, and says of slots what the class says."""

    says = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        if self.says and self.path != "/healthz":
            self.send_header("Talon-Slots", self.says)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A portal whose backend is a Clinic."""
    Clinic.says = ""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Clinic)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with opened_portal() as opened:
            opened.backends.append(f"http://127.0.0.1:{server.server_address[1]}")
            yield opened
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_queue_learns_that_slots_are_gone_and_back(portal: Portal) -> None:
    """`none` stops admission within seconds and is shown everywhere; who is inside goes on; `some` lets people in."""
    gateway = portal.start_gateway()
    inside, outside = Visitor(gateway.visitors), Visitor(gateway.visitors)
    inside.get_in()
    Clinic.says = "none; until=23:59"
    answer = inside.ask("/doctors")
    assert (answer.status, "talon-slots" in answer.headers) == (200, False)
    wait_for(lambda: gateway.room()["reason"] == "exhausted", 10.0, "the gateway follows the backend")
    room = gateway.room()
    assert (room["state"], room["admission_rate"], room["paused_by"]["author"]) == ("slots_exhausted", 0.0, "backend")
    assert gateway.metric("talon_room_admission_rate", reason="exhausted") == 0.0
    turned_away = outside.ask("/doctors")
    assert (turned_away.status, turned_away.json()["code"]) == (503, "exhausted")
    assert inside.ask("/doctors").status == 200
    shown = talon("status", "--admin", gateway.admin).out
    assert "exhausted by backend" in " ".join(shown.split())
    Clinic.says = "some"
    assert inside.ask("/doctors").status == 200
    wait_for(lambda: gateway.room()["paused_by"] is None, 10.0, "the gateway takes the stop back")
    wait_for(lambda: outside.ask("/doctors").status == 200, 20.0, "who waited is let in")


def test_an_operator_has_the_last_word(portal: Portal) -> None:
    """A room that an operator has closed stays closed, whatever the backend says."""
    gateway = portal.start_gateway()
    inside = Visitor(gateway.visitors)
    inside.get_in()
    body = {"action": "close", "author": "Ann", "reason": "holiday", "ttl": "10m"}
    assert ask(gateway.admin, "/api/rooms/booking", "POST", body).status == 200
    wait_for(lambda: gateway.room()["reason"] == "closed", 5.0, "the room is closed")
    for word in ("none", "some"):
        Clinic.says = word
        assert inside.ask("/doctors").status == 200
    before = gateway.metric("talon_requests_total", decision="pass") or 0.0
    assert before >= 2
    shared = ask(gateway.visitors, "/_talon/rooms/booking").json()
    assert shared["state"] == "closed"
    assert gateway.room()["paused_by"]["author"] == "Ann"

"""The example configuration of nginx, with a real nginx: it asks the gateway and lets visits with a pass through."""

from pathlib import Path

import pytest

from tests.conftest import free_port, require
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import run, wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "config" / "nginx-auth-request.conf"
MAIN = """
user root;
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@pytest.fixture
def nginx(portal: Portal, gateway: Gateway) -> str:
    """A running nginx with the example's server, its three addresses replaced; gives its address."""
    binary, address = require("nginx", "nginx"), f"127.0.0.1:{free_port()}"
    example = EXAMPLE.read_text()
    for written, real in (
        ("server 127.0.0.1:8080;", f"server {gateway.visitors};"),
        ("server 127.0.0.1:9001;", f"server {portal.backends[0].removeprefix('http://')};"),
        ("listen 80;", f"listen {address};"),
    ):
        assert example.count(written) == 1
        example = example.replace(written, real)
    (portal.folder / "site.conf").write_text(example)
    main = portal.folder / "nginx.conf"
    main.write_text(MAIN.format(folder=portal.folder))
    checked = run(binary, "-t", "-q", "-c", main)
    assert (checked.code, checked.err) == (0, "")
    child = portal.children.start("nginx", binary, "-c", main)

    def answers() -> bool:
        assert child.process.poll() is None, (portal.folder / "nginx.log").read_text()
        try:
            return ask(address, "/healthz").status == 200
        except ConnectionRefusedError:
            return False

    wait_for(answers, 10.0, "nginx answers")
    return address


def forwarded(gateway: Gateway) -> float:
    """Requests that went through the gateway itself to the backend."""
    return gateway.metric("talon_request_duration_seconds_count", decision="pass") or 0.0


def test_without_a_pass_the_visitor_is_sent_to_the_gateway(nginx: str) -> None:
    """Reading and writing without a pass is answered by the gateway: a place in the queue, in the client's form."""
    visitor = Visitor(nginx)
    assert visitor.queue()["number"] == 1
    write = visitor.ask("/bookings", "POST", {"slot": 1, "person": "Ada"})
    assert (write.status, write.json()["number"]) == (503, 1)
    page = visitor.ask(Accept="text/html")
    assert (page.status, page.headers["content-type"]) == (202, "text/html; charset=utf-8")
    assert ask(nginx, "/_talon/rooms/booking").json()["state"] == "paused"


def test_with_a_pass_the_visitor_goes_straight_to_the_backend(nginx: str, gateway: Gateway, portal: Portal) -> None:
    """Once let in, requests pass nginx without passing the gateway, count as a visit inside, and the end is seen."""
    gateway.control("rate", 20.0)
    visitor = Visitor(nginx)
    visitor.get_in()
    assert visitor.inside
    straight = visitor.ask("/doctors/1/slots")
    assert straight.status == 200
    assert "x-request-id" not in straight.headers, "the gateway has not touched this answer"
    assert forwarded(gateway) == 0
    wait_for(lambda: gateway.room()["inside"] == 1, 5.0, "the visit counts as inside")
    visitor.book()
    assert not visitor.inside, "the confirmation went through the gateway, which took the pass back"
    wait_for(lambda: gateway.room()["inside"] == 0, 5.0, "the visit has ended")
    assert portal.stats()["confirmed"] == 1


def test_nobody_can_ask_for_the_authorization_or_forge_it(nginx: str) -> None:
    """The address for the question is closed to visitors, and a made-up pass is no pass."""
    assert ask(nginx, "/_talon/authorize").status == 404
    assert ask(nginx, "/doctors", Cookie="talon_pass=eyJhbGciOiJub25lIn0.e30.").status == 503

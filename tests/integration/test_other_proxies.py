"""The example configurations of HAProxy and Caddy, with the real ones, beside the gateway."""

import re
from pathlib import Path

import pytest

from tests.conftest import free_port, require
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import run, talon_here, wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration
CONFIG = Path(__file__).parents[2] / "config"


def filled(name: str, portal: Portal, gateway: Gateway, listen: str, **more: str) -> Path:
    """Write an example with its addresses replaced, each of which must stand in it."""
    text = (CONFIG / name).read_text()
    node = portal.backends[0].removeprefix("http://")
    for written, real in {"127.0.0.1:8080": gateway.visitors, "127.0.0.1:9001": node, **more}.items():
        assert written in text, written
        text = text.replace(written, real)
    path = portal.folder / name
    path.write_text(re.sub(r"(?m)^( *bind |):80\b", rf"\g<1>{listen}", text))
    return path


def answers(address: str) -> bool:
    try:
        return ask(address, "/healthz").status == 200
    except OSError:
        return False


@pytest.fixture
def haproxy(portal: Portal, gateway: Gateway) -> str:
    """A running HAProxy in front mode; gives its address."""
    binary, listen = require("haproxy", "haproxy"), f"127.0.0.1:{free_port()}"
    keys = talon_here("pass-keys", "--config", portal.folder / "talon.yaml")
    assert keys.code == 0
    (portal.folder / "keys.map").write_text(keys.out)
    more = {"/etc/haproxy/talon-keys.map": str(portal.folder / "keys.map")}
    path = filled("haproxy-front.cfg", portal, gateway, listen, **more)
    checked = run(binary, "-c", "-q", "-f", path)
    assert (checked.code, checked.out + checked.err) == (0, "")
    portal.children.start("haproxy", binary, "-db", "-f", path)
    wait_for(lambda: answers(listen), 10.0, "HAProxy answers")
    return listen


@pytest.fixture
def caddy(portal: Portal, gateway: Gateway) -> str:
    """A running Caddy; gives its address."""
    binary, listen = require("caddy", "caddy"), f"127.0.0.1:{free_port()}"
    path = filled("Caddyfile", portal, gateway, f"http://{listen}")
    text = "{\n\tadmin off\n\tauto_https off\n}\n" + path.read_text()
    path.write_text(text)
    home = {"HOME": str(portal.folder), "XDG_DATA_HOME": str(portal.folder), "XDG_CONFIG_HOME": str(portal.folder)}
    portal.children.start("caddy", binary, "run", "--adapter", "caddyfile", "--config", path, environ=home)
    wait_for(lambda: answers(listen), 15.0, "Caddy answers")
    return listen


def passed(gateway: Gateway) -> float:
    """Requests of visits with a pass that went through the gateway itself."""
    return gateway.metric("talon_request_duration_seconds_count", decision="pass") or 0.0


@pytest.mark.parametrize("name", ["haproxy", "caddy"])
def test_who_has_no_pass_meets_the_gateway(name: str, request: pytest.FixtureRequest) -> None:
    """Reading and writing are answered with a place in the queue, and a made-up pass opens nothing."""
    address = request.getfixturevalue(name)
    visitor = Visitor(address)
    assert visitor.queue()["number"] == 1
    assert visitor.ask("/bookings", "POST", {"slot": 1, "person": "Ada"}).json()["number"] == 1
    assert ask(address, "/doctors", Accept="text/html").status == 202
    forged = "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.eyJpc3MiOiJ0YWxvbiIsImF1ZCI6ImJvb2tpbmciLCJleHAiOjk5OTk5OTk5OTl9."
    for _ in range(2):
        assert ask(address, "/doctors", Cookie=f"talon_pass={forged}").status == 503


@pytest.mark.parametrize("name", ["haproxy", "caddy"])
def test_who_has_one_goes_straight_to_the_backend(
    name: str, request: pytest.FixtureRequest, gateway: Gateway, portal: Portal
) -> None:
    """Reads do not pass the gateway; the booking does, and ends the visit."""
    address = request.getfixturevalue(name)
    gateway.control("rate", 20.0)
    visitor = Visitor(address)
    visitor.get_in()
    before = passed(gateway)
    for _ in range(5):
        straight = visitor.ask("/doctors/1/slots")
        assert straight.status == 200
        assert "x-request-id" not in straight.headers, "the gateway has not touched this answer"
    assert passed(gateway) == before
    visitor.book()
    assert not visitor.inside
    assert portal.stats()["confirmed"] == 1


def test_haproxy_takes_no_altered_pass(haproxy: str, gateway: Gateway) -> None:
    """One letter of the signature or of the claims changed, and the gateway is asked."""
    gateway.control("rate", 20.0)
    visitor = Visitor(haproxy)
    visitor.get_in()
    token = visitor.cookies["talon_pass"]
    assert "x-request-id" not in ask(haproxy, "/doctors", Cookie=f"talon_pass={token}").headers
    head, claims, signature = token.split(".")
    for altered in (
        f"{head}.{claims}.{signature[:-2]}{'A' if signature[-2] != 'A' else 'B'}{signature[-1]}",
        f"{head}.{claims[:-4]}AAAA.{signature}",
        f"{head}.{claims}.",
    ):
        assert "x-request-id" in ask(haproxy, "/doctors", Cookie=f"talon_pass={altered}").headers


def test_caddy_hands_writes_on_whole(caddy: str, gateway: Gateway) -> None:
    """The question is asked without the body, which still reaches whoever answers."""
    gateway.control("rate", 20.0)
    visitor = Visitor(caddy)
    visitor.get_in()
    slots = visitor.ask("/doctors/1/slots").json()["slots"]
    held = visitor.ask("/bookings", "POST", {"slot": slots[0], "person": "Ada"})
    assert (held.status, "x-request-id" in held.headers) == (201, False)


def test_nobody_asks_the_question_through_a_proxy(caddy: str) -> None:
    """It is for the proxy alone."""
    assert ask(caddy, "/_talon/authorize").status == 404


@pytest.mark.parametrize("name", ["traefik.yaml", "envoy.yaml"])
def test_proxies_that_hand_the_answer_on_get_the_page(name: str, gateway: Gateway) -> None:
    """`?deny=page`, as the examples of Traefik and Envoy ask: the page, then a pass and the same address once more."""
    assert "/_talon/authorize?deny=page" in (CONFIG / name).read_text()
    visitor = Visitor(gateway.visitors)
    held = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/doctors?day=1"}
    page = visitor.ask("/_talon/authorize?deny=page", Accept="text/html", **held)
    assert (page.status, "talon_ticket" in visitor.cookies) == (503, True)
    assert b"doctors" in page.body
    plain = visitor.ask("/_talon/authorize?deny=page", **held)
    assert (plain.status, plain.json()["number"]) == (503, 1)
    gateway.control("rate", 20.0)
    wait_for(lambda: visitor.ask("/_talon/authorize?deny=page", **held).status == 307, 10.0, "its turn comes")
    assert visitor.inside
    assert visitor.ask("/_talon/authorize?deny=page", **held).status == 204

"""The rule that needs no documentation, kept by plain curl: keep cookies, wait Retry-After, repeat."""

import json
from pathlib import Path

import pytest

from tests.conftest import require
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import run, wait_for
from tests.integration.visitor import ask

pytestmark = pytest.mark.integration

AHEAD = 6


def curl(folder: Path, *arguments: object) -> list[object]:
    """A curl that keeps cookies in a jar and by itself repeats on 503 after Retry-After."""
    jar = folder / "jar"
    binary = require("curl", "curl")
    return [binary, "-sS", "--retry", 20, "--retry-max-time", 60, "-b", jar, "-c", jar, *arguments]


def test_curl_with_a_cookie_jar_books_while_others_wait(portal: Portal, gateway: Gateway) -> None:
    """curl that only repeats on Retry-After waits behind those who came first, gets in and books."""
    gateway.crowd(AHEAD)
    site, head, body = f"http://{gateway.visitors}", portal.folder / "head", portal.folder / "body"
    child = portal.children.start("curl", *curl(portal.folder, "-D", head, "-o", body, f"{site}/doctors"))
    wait_for(lambda: gateway.room()["issued"] == {"regular": AHEAD + 1}, 10.0, "curl has a ticket")
    gateway.control("rate", 3.0)
    assert child.ends(30.0) == 0, child.err
    answers = [line for line in head.read_text().splitlines() if line.startswith("HTTP/")]
    assert answers[-1].split()[1] == "200"
    assert {line.split()[1] for line in answers[:-1]} == {"503"}
    assert json.loads(body.read_text())["doctors"]

    slots = json.loads(run(*curl(portal.folder, f"{site}/doctors/1/slots")).out)["slots"]
    form = ("-d", f"slot={slots[0]}", "-d", "person=Ada", f"{site}/bookings")
    held = json.loads(run(*curl(portal.folder, *form)).out)
    done = json.loads(run(*curl(portal.folder, "-X", "POST", f"{site}/bookings/{held['id']}/confirm")).out)
    assert done["state"] == "confirmed"
    assert portal.stats()["confirmed"] == 1
    assert "talon_pass" not in (portal.folder / "jar").read_text(), "the visit is over, so is its pass"


def test_what_curl_is_told_while_it_waits(portal: Portal, gateway: Gateway) -> None:
    """The refusal says in numbers where the visitor stands, and a browser gets a page with the same place."""
    first, second = gateway.crowd(2)
    place = second.queue()
    assert (place["code"], place["number"], place["ahead"], place["position"]) == ("paused", 2, 1, 2)
    assert place["ticket"] == second.cookies["talon_ticket"]
    assert 1 <= place["retry_after"] <= 3
    answer = second.ask(Accept="text/html")
    assert (answer.status, answer.headers["retry-after"]) == (202, str(int(answer.headers["retry-after"])))
    assert b"Your number:" in answer.body
    by_header = ask(gateway.visitors, "/doctors", Talon_Ticket=second.cookies["talon_ticket"])
    assert by_header.json()["number"] == 2, "a client without cookies sends its ticket in a header"
    assert first.ask(Talon_Ticket=second.cookies["talon_ticket"]).json()["number"] == 1, "a cookie goes before it"

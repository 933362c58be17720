"""SIGHUP: a valid file is taken as far as it can be, an invalid one changes nothing."""

import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.reload import adoptable
from gateway.settings import Settings, load
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import wait_for
from tests.integration.visitor import Visitor

pytestmark = pytest.mark.integration

POOLS: dict[str, Any] = {"primary": {"nodes": ["http://127.0.0.1:1"]}}


def settings(**changes: Any) -> Settings:
    document: dict[str, Any] = {"pools": POOLS, "rooms": {"booking": {"lanes": {"regular": {}}}}}
    return Settings(**{**document, **changes})


def room(**changes: Any) -> dict[str, Any]:
    return {"booking": {"lanes": {"regular": {}}, **changes}}


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, []),
        ({"time_zone": "Europe/Moscow", "secure_cookies": True}, []),
        ({"rooms": room(message="Back soon", page_status=503, pass_idle="5m")}, []),
        ({"rooms": room(lanes={"regular": {"target_wait": "3m"}})}, []),
        ({"listen": "127.0.0.1:1", "store": "redis://h"}, ["listen", "store"]),
        ({"pools": {"primary": {"nodes": ["http://127.0.0.1:2"]}}}, ["pools"]),
        ({"rooms": room(claim_window="5m", message="x")}, ["rooms.booking.claim_window"]),
        ({"rooms": room(lanes={"regular": {}, "urgent": {}})}, ["rooms.booking.lanes"]),
        ({"rooms": {**room(), "second": {"paths": ["/two"]}}}, ["rooms.second"]),
        ({"rooms": {}}, ["rooms.booking"]),
        ({"proxy": {"drain": "1s", "max_body": 5}}, ["proxy.drain"]),
        ({"tls": {"certificate": "/etc/a.pem", "key": "/etc/a.key"}}, ["tls"]),
        ({"tls": {"minimum": "1.3"}}, ["tls"]),
        (
            {"rooms": room(presence_grace="10m", longest_poll="4m")},
            ["rooms.booking.presence_grace", "rooms.booking.longest_poll"],
        ),
    ],
)
def test_what_needs_a_restart_is_named_by_its_full_path(changes: dict[str, Any], waits: list[str]) -> None:
    """Whatever the gateway was built from keeps its value and is named; what it can take has the new value."""
    old, new = settings(), settings(**changes)
    taken, named = adoptable(old, new)
    assert named == waits
    assert adoptable(old, taken) == (taken, []), "what was taken needs no restart"
    if not waits:
        assert taken == new


def test_another_certificate_is_taken() -> None:
    """Files of another name replace those in use, while TLS stays as it is."""
    old, new = ({"certificate": f"/etc/{name}.pem", "key": f"/etc/{name}.key"} for name in "ab")
    taken, named = adoptable(settings(tls=old), settings(tls=new))
    assert (str(taken.tls.certificate), named) == ("/etc/b.pem", [])


def test_tls_stays_on_or_off_until_a_restart() -> None:
    """Cookies are `Secure` just where visitors come by TLS, whatever the new file says."""
    plain, secured = settings(), settings(tls={"certificate": "/etc/a.pem", "key": "/etc/a.key"})
    for old, new in ((plain, secured), (secured, plain)):
        taken, named = adoptable(old, new)
        assert (taken.tls, taken.secure, named) == (old.tls, old.secure, ["tls"])


def test_what_can_be_taken_is_taken_beside_what_cannot() -> None:
    """A key that needs a restart does not keep the others of its section from being taken."""
    taken, _ = adoptable(settings(), settings(rooms=room(claim_window="5m", message="x"), proxy={"max_body": 5}))
    assert (taken.rooms["booking"].message, taken.rooms["booking"].claim_window) == ("x", 120.0)
    assert taken.proxy.max_body == 5


def change(path: Path, **changes: Any) -> None:
    """Change keys of the file's room."""
    document = yaml.safe_load(path.read_text())
    document["rooms"]["booking"].update(changes)
    path.write_text(yaml.safe_dump(document))
    load(path, {})


def events(gateway: Gateway, name: str) -> int:
    return gateway.child.err.count(f'"event":"{name}"')


def test_a_running_gateway_takes_a_valid_file_and_keeps_the_old_one_otherwise(portal: Portal, gateway: Gateway) -> None:
    """SIGHUP changes the text on the waiting page without losing a place; a broken file is said and changes nothing."""
    path = portal.folder / "talon.yaml"
    [visitor] = gateway.crowd(1)
    change(path, message="The clinic opens at eight.", page_status=503, claim_window="3m")
    gateway.child.signal(signal.SIGHUP)
    wait_for(lambda: events(gateway, "reloaded") == 1, 5.0, "the gateway has reloaded")
    assert '"needs_restart":["rooms.booking.claim_window"]' in gateway.child.err
    page = visitor.ask(Accept="text/html")
    assert (page.status, b"The clinic opens at eight." in page.body) == (503, True)

    path.write_text("rooms: [broken\n")
    gateway.child.signal(signal.SIGHUP)
    wait_for(lambda: events(gateway, "reload_refused") == 1, 5.0, "the gateway refuses the file")
    assert "not valid YAML" in gateway.child.err
    assert visitor.ask(Accept="text/html").status == 503
    assert visitor.queue()["number"] == 1


def test_keys_rotate_under_a_running_gateway(portal: Portal, gateway: Gateway) -> None:
    """New keys first and old ones last: places and passes hold, new tokens have the new key; later the old ones end."""
    keys = portal.folder / "data" / "talon.keys"
    old = keys.read_text()
    [waiting] = gateway.crowd(1)
    signed = waiting.cookies["talon_ticket"]
    code = waiting.queue()["place_code"]

    def reload(times: int, text: str) -> None:
        keys.write_text(text)
        gateway.child.signal(signal.SIGHUP)
        wait_for(lambda: events(gateway, "reloaded") == times, 5.0, "the gateway has reloaded")

    new = "new:" + "ab" * 32
    reload(1, f"{new}\n{old}")
    assert '"keys":["new","k1"]' in gateway.child.err
    again = waiting.queue()
    assert (again["number"], again["ticket"].split(".")[1]) == (1, "new")
    assert again["place_code"] != code
    moved = Visitor(gateway.visitors).ask("/_talon/places", "POST", {"code": code})
    assert moved.json()["number"] == 1
    late = Visitor(gateway.visitors)
    late.queue()
    assert late.cookies["talon_ticket"].startswith("t1.new.")

    keys.write_text("rubbish")
    gateway.child.signal(signal.SIGHUP)
    wait_for(lambda: events(gateway, "reload_refused") == 1, 5.0, "the gateway refuses the keys")
    assert waiting.queue()["number"] == 1

    reload(2, new)
    waiting.cookies["talon_ticket"] = signed
    assert waiting.queue()["number"] == 3, "the old key is out, what it has signed counts no more"
    assert late.queue()["number"] == 2


def test_a_file_of_keys_that_is_gone_changes_nothing(portal: Portal, gateway: Gateway) -> None:
    """A reload never makes keys up: it is refused, and places hold."""
    [waiting] = gateway.crowd(1)
    (portal.folder / "data" / "talon.keys").unlink()
    gateway.child.signal(signal.SIGHUP)
    wait_for(lambda: events(gateway, "reload_refused") == 1, 5.0, "the gateway refuses the reload")
    assert "talon.keys: cannot be read" in gateway.child.err
    assert waiting.queue()["number"] == 1


def test_a_room_that_covers_less_after_a_reload_lets_the_rest_through(portal: Portal, gateway: Gateway) -> None:
    """Paths taken out of a room are forwarded at once."""
    assert Visitor(gateway.visitors).ask("/doctors").status == 503
    change(portal.folder / "talon.yaml", paths=["/bookings"])
    gateway.child.signal(signal.SIGHUP)
    wait_for(lambda: events(gateway, "reloaded") == 1, 5.0, "the gateway has reloaded")
    assert Visitor(gateway.visitors).ask("/doctors").status == 200
    assert Visitor(gateway.visitors).ask("/bookings").status == 503

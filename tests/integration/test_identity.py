"""Identities in a real gateway: what it keeps of people on disk, and keys that change while it runs."""

import json
import signal
import time
from pathlib import Path

import pytest

from gateway.core.signed_header import sign
from tests.integration.portal import Portal
from tests.integration.processes import wait_for
from tests.integration.visitor import ask

pytestmark = pytest.mark.integration

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
SUBJECT = "anna-petrova-1980"


def written(path: Path, *keys: bytes) -> None:
    path.write_text("".join(f"k{number}:{key.hex()}\n" for number, key in enumerate(keys)))
    path.chmod(0o600)


def test_people_are_known_and_not_written_down(portal: Portal) -> None:
    """A person has one place on two devices; no file of store and log holds the subject; new keys come by SIGHUP."""
    shared = portal.folder / "portal.keys"
    written(shared, OLD)
    portal.start_backend("--workers", 1)
    lanes = {"urgent": {"target_wait": "1m"}, "regular": {"target_wait": "10m"}}
    gateway = portal.start_gateway(
        portal.config(
            identity={"signed_header": {"key_file": str(shared)}},
            rooms={"booking": {"paths": ["/doctors"], "lanes": lanes, "longest_poll": "3s"}},
        )
    )
    gateway.control("pause")

    def lane(key: bytes) -> str:
        field = sign(f"sub={SUBJECT}&lane=urgent", int(time.time()), key)
        answer = ask(gateway.visitors, "/_talon/tickets", "POST", {"room": "booking"}, Talon_Identity=field)
        return str(answer.json()["lane"])

    assert lane(OLD) == "urgent"
    assert lane(NEW) == "regular"
    written(shared, NEW, OLD)
    gateway.child.process.send_signal(signal.SIGHUP)
    wait_for(lambda: lane(NEW) == "urgent", 5.0, "the new key counts")
    assert lane(OLD) == "urgent"
    wait_for(lambda: gateway.room()["waiting"]["urgent"] == 1, 5.0, "one person has one place")
    files = [path for path in (portal.folder / "data").rglob("*") if path.is_file()]
    assert any(b"persons:" in path.read_bytes() for path in files), "the store has written the person's bucket"
    for path in files:
        assert b"petrova" not in path.read_bytes(), path
    assert "petrova" not in json.dumps(gateway.room())

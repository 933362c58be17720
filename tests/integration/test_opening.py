"""An opening a few seconds away, two real gateways on one Redis: held back, opened at once, called as published."""

import hashlib
import json
import os
import signal
import time
from datetime import UTC, datetime

import pytest

from gateway.verify_order import verify
from tests.integration.portal import Gateway, Portal
from tests.integration.processes import Child, talon_here, wait_for
from tests.integration.visitor import Visitor, ask

pytestmark = pytest.mark.integration

AHEAD = 12
"""Seconds from the configuration to the opening: enough for two gateways to start and a crowd to come."""
CROWD = 8


def start_pair(portal: Portal) -> tuple[list[Gateway], int]:
    """Two gateways that open together soon; returns them with the time of the opening."""
    opens_at = int(time.time()) + AHEAD
    at = datetime.fromtimestamp(opens_at, UTC)
    opening = {"at": at.strftime("%H:%M:%S"), "date": at.strftime("%Y-%m-%d"), "prequeue": "1m"}
    room = {"paths": ["/doctors", "/bookings"], "longest_poll": "3s", "openings": [opening]}
    shared = {"store": f"unix://{portal.folder / 'redis.sock'}", "secrets_file": str(portal.folder / "shared.keys")}
    portal.start_backend("--workers", 4, "--service-time", "10ms")
    pair = portal.start_gateways(
        *(portal.config(n, data_dir=str(portal.folder / n), rooms={"booking": room}, **shared) for n in ("a", "b"))
    )
    return pair, opens_at


def served(gateway: Gateway) -> dict[str, object]:
    document: dict[str, object] = ask(gateway.visitors, "/_talon/rooms/booking").json()
    return document


def test_an_opening_holds_back_and_then_lets_in_by_the_published_order(portal: Portal, redis: Child) -> None:
    """Nobody is in before the opening, also when the leader is killed just then; the order is the one of the seed."""
    pair, opens_at = start_pair(portal)
    wait_for(lambda: served(pair[0])["state"] == "prequeue", 5.0, "the pre-queue has begun")
    crowd = [Visitor(pair[number % 2].visitors) for number in range(CROWD)]
    places = [visitor.ask().json() for visitor in crowd]
    assert time.time() < opens_at, "the crowd came too late"
    assert {(place["code"], place["ahead"], place["opens_at"]) for place in places} == {("prequeue", None, opens_at)}
    noted = {place["seed_hash"] for place in places}
    assert len(noted) == 1, "both gateways tell one commitment"

    leader, other = sorted(pair, key=lambda gateway: not gateway.room()["leader"])
    other.control("pause", sisters=[leader])
    wait_for(lambda: time.time() >= opens_at - 0.05, AHEAD + 1.0, "the opening is there")
    assert [visitor.inside for visitor in crowd] == [False] * CROWD
    os.kill(leader.child.pid, signal.SIGKILL)
    wait_for(lambda: served(other)["state"] != "prequeue", 5.0, "the other gateway has opened the room")
    document = served(other)
    assert isinstance(opening := document["opening"], dict)
    assert noted == {opening["seed_hash"], hashlib.sha256(bytes.fromhex(opening["seed"])).hexdigest()}
    assert opening["cohort"]["regular"] == [0, CROWD]

    late = Visitor(other.visitors)
    for visitor in crowd:
        visitor.address = other.visitors
    turns = [visitor.queue()["turn"] for visitor in crowd]
    published = [verify(json.dumps(document).encode(), "regular", place["number"]).position for place in places]
    assert turns == published
    assert late.queue()["turn"] == CROWD + 1

    (portal.folder / "served.json").write_text(json.dumps(document))
    asked = ("--document", portal.folder / "served.json", "--lane", "regular", "--number", places[0]["number"])
    assert f"position  {turns[0]}\n" in talon_here("verify-order", *asked, "--noted-hash", noted.pop()).out

    other.control("rate", 2.0)
    entered: list[int] = []
    everybody = dict(zip([*turns, CROWD + 1], [*crowd, late], strict=True))

    def all_are_in() -> bool:
        # The last is asked first: whoever is in was called before all who are found waiting after it.
        for turn in sorted(set(everybody) - set(entered), reverse=True):
            if everybody[turn].ask().status == 200:
                assert all(everybody[before].ask().status == 200 for before in everybody if before < turn)
                entered.append(turn)
        return len(entered) == len(everybody)

    wait_for(all_are_in, 20.0, "everybody is let in")
    events = [json.loads(line) for line in other.child.err.splitlines() if line.startswith("{")]
    assert [event["seed"] for event in events if event["event"] == "opened"] == [opening["seed"]]

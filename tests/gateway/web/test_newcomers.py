"""Newcomers whom the portal names: their lane, their one place on all devices, and another try the day after."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from gateway.core import passes
from gateway.core.identity_policy import IdentityPolicy
from gateway.core.lane_rules import LaneRule
from gateway.core.portal_jwt import JwtPolicy
from gateway.core.room import Standing
from gateway.core.signed_header import SignedHeaderPolicy, sign
from gateway.core.spillover import OpenReason
from tests.gateway.web.conftest import KEYS, ROOM, Portal

Start = Callable[..., Any]
Visitor = Callable[[Portal], Any]
SECRET = bytes(range(32))
RULES = (
    LaneRule(lane="urgent", claim={"role": "midwife"}),
    LaneRule(lane="urgent", region=("amur",)),
    LaneRule(lane="urgent", again=True),
)


@pytest.fixture
def identity(tmp_path: Path) -> IdentityPolicy:
    path = tmp_path / "portal.keys"
    path.write_text(f"k1:{SECRET.hex()}")
    path.chmod(0o600)
    return IdentityPolicy(
        jwt=JwtPolicy(key_file=path, audience="talon", algorithm="HS256", lane="lane"),
        signed_header=SignedHeaderPolicy(key_file=path),
        region_header="X-Region",
    )


def bearer(portal: Portal, **claims: object) -> dict[str, str]:
    said = {"aud": "talon", "exp": portal.now + 1000, **claims}
    return {"Authorization": "Bearer " + jwt.encode({"alg": "HS256"}, said, OctKey.import_key(SECRET))}


async def place(portal: Portal, visitor: Visitor, fields: Mapping[str, str]) -> dict[str, Any]:
    """What somebody on a fresh device is told."""
    async with visitor(portal).get("/booking", headers=fields) as answer:
        body: dict[str, Any] = await answer.json()
        return body


async def test_claims_region_and_lane_of_the_portal_count(
    start: Start, visitor: Visitor, identity: IdentityPolicy
) -> None:
    """A claim that names the lane, one that fits a rule, a region of a trusted proxy; the rest queue as usual."""
    portal: Portal = await start(identity=identity, lane_rules=RULES)
    await portal.close()
    fields: list[tuple[dict[str, str], str]] = [
        (bearer(portal, lane="urgent"), "urgent"),
        (bearer(portal, role=["nurse", "midwife"]), "urgent"),
        (bearer(portal, role="nurse"), "regular"),
        ({"X-Region": "amur"}, "urgent"),
        ({"X-Region": "perm"}, "regular"),
        ({"Talon-Identity": sign("region=amur", int(portal.now), SECRET)}, "urgent"),
        ({}, "regular"),
    ]
    for given, lane in fields:
        assert (await place(portal, visitor, given))["lane"] == lane, given


async def test_a_region_is_let_into_its_own_pool(start: Start, visitor: Visitor, identity: IdentityPolicy) -> None:
    """At once, and when the turn comes; a region that is named twice is none, and costs nobody the turn."""
    portal: Portal = await start(identity=identity)
    portal.room.policy = replace(portal.room.policy, regions={"primary": ("amur",)})
    portal.room.spillovers["backup"].adopt((portal.now, OpenReason.FORECAST), portal.now)
    for fields, pool in (({"X-Region": "amur"}, "primary"), ({"X-Region": "perm"}, "backup"), ({}, "backup")):
        async with visitor(portal).get("/booking", headers=fields) as answer:
            assert answer.status == 200
        assert portal.log_lines()[-1]["pool"] == pool, fields
    await portal.close()
    waiting = [visitor(portal), visitor(portal)]
    for session in waiting:
        async with session.get("/booking", headers={"X-Region": "amur"}) as answer:
            assert answer.status == 503
    await portal.open()
    portal.room.spillovers["backup"].adopt((portal.now, OpenReason.FORECAST), portal.now)
    named: list[tuple[list[tuple[str, str]], str]] = [
        ([("X-Region", "amur")], "primary"),
        ([("X-Region", "amur")] * 2, "backup"),
    ]
    for session, (twice, pool) in zip(waiting, named, strict=True):
        async with session.get("/booking", headers=twice) as answer:
            assert answer.status == 200
        assert portal.log_lines()[-1]["pool"] == pool, twice


async def test_a_person_has_one_place_on_all_devices(start: Start, visitor: Visitor, identity: IdentityPolicy) -> None:
    """The second device gets the first one's place, from the page or the ticket API; another person does not."""
    portal: Portal = await start(identity=identity)
    await portal.close()
    first = await place(portal, visitor, bearer(portal, sub="anna", lane="urgent"))
    second = await place(portal, visitor, bearer(portal, sub="anna"))
    other = await place(portal, visitor, bearer(portal, sub="boris"))
    async with visitor(portal).post("/_talon/tickets", headers=bearer(portal, sub="anna")) as answer:
        third = await answer.json()
    places = [portal.site.tokens.read_ticket(body["ticket"]) for body in (first, second, third, other)]
    assert [(p.lane, p.number) if p else None for p in places] == [("urgent", 1)] * 3 + [("regular", 1)]
    joined = [p.joined_at for p in places if p]
    assert joined[1] == pytest.approx(joined[0], abs=0.2)


async def test_a_claimed_place_opens_the_room_on_the_other_device_too(
    start: Start, visitor: Visitor, identity: IdentityPolicy
) -> None:
    """Who is in already gets the same visit on another device, and a new place once that visit's time is over."""
    portal: Portal = await start(identity=identity, pass_idle=300.0)
    await portal.close()
    phone, desk = visitor(portal), visitor(portal)
    await phone.get("/booking", headers=bearer(portal, sub="anna"))
    await portal.store.call(ROOM, {"regular": 1}, owner="me", credit=0)
    await portal.tick()
    for device in (phone, desk):
        async with device.get("/booking", headers=bearer(portal, sub="anna")) as answer:
            assert answer.status == 200
    held = [
        passes.decode(cookie.value, KEYS)
        for device in (phone, desk)
        for cookie in device.cookie_jar
        if cookie.key == "talon_pass"
    ]
    assert len(held) == 2
    assert held[0] == held[1]
    portal.now += 301
    await portal.tick()
    late = await place(portal, visitor, bearer(portal, sub="anna"))
    later = await place(portal, visitor, bearer(portal, sub="anna"))
    numbers = [portal.site.tokens.read_ticket(body["ticket"]) for body in (late, later)]
    assert [ticket.number if ticket else 0 for ticket in numbers] == [2, 2]


@pytest.mark.parametrize("hours", [1, 20, 60])
async def test_who_was_not_let_in_yesterday_is_sooner_today(start: Start, visitor: Visitor, hours: int) -> None:
    """The ticket of a failed attempt is its own proof, from 8 to 48 hours after it was handed out."""
    portal: Portal = await start(lane_rules=RULES)
    await portal.close()
    unlucky = visitor(portal)
    async with unlucky.get("/booking") as answer:
        ticket = portal.site.tokens.read_ticket((await answer.json())["ticket"])
    assert ticket is not None
    await portal.store.leave(ROOM, ticket.lane, ticket.number, ticket.epoch)
    await portal.store.call(ROOM, {"regular": 1}, owner="me", credit=0)
    portal.now += hours * 3600
    await portal.tick()
    async with unlucky.get("/booking") as answer:
        assert (await answer.json())["lane"] == ("urgent" if hours == 20 else "regular")


async def test_one_ticket_of_yesterday_is_one_place_today(start: Start, visitor: Visitor) -> None:
    """Shown on several devices it leads to the same place, and one that let its holder in leads to no better lane."""
    portal: Portal = await start(lane_rules=RULES)
    await portal.close()
    tokens = []
    for _ in range(2):
        tokens.append((await place(portal, visitor, {}))["ticket"])
    unlucky, lucky = (portal.site.tokens.read_ticket(token) for token in tokens)
    assert unlucky is not None
    assert lucky is not None
    await portal.store.leave(ROOM, unlucky.lane, unlucky.number, unlucky.epoch)
    await portal.store.call(ROOM, {"regular": 1}, owner="me", credit=0)
    claim = await portal.store.claim(ROOM, lucky.lane, lucky.number, lucky.epoch, pool="primary")
    assert claim.standing is Standing.CLAIMED
    portal.now += 20 * 3600
    await portal.tick(1.1)
    again = [await place(portal, visitor, {"Talon-Ticket": tokens[0]}) for _ in range(3)]
    places = [portal.site.tokens.read_ticket(body["ticket"]) for body in again]
    assert [(p.lane, p.number) if p else None for p in places] == [("urgent", 1)] * 3
    assert (await place(portal, visitor, {"Talon-Ticket": tokens[1]}))["lane"] == "regular"


async def test_identities_are_counted_by_result(start: Start, visitor: Visitor, identity: IdentityPolicy) -> None:
    """The metric tells known from absent and forged, with labels that no visitor can make up."""
    portal: Portal = await start(identity=identity)
    await portal.close()
    await place(portal, visitor, bearer(portal, sub="anna"))
    await place(portal, visitor, {"Authorization": "Bearer forged.by.me"})
    text = portal.site.metrics.render().decode()
    for source, result in (("jwt", "known"), ("jwt", "malformed"), ("signed_header", "absent")):
        assert f'talon_identities_total{{result="{result}",source="{source}"}} 1.0' in text

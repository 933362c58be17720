"""What somebody could try with identities: forge, replay, double, borrow them, or read them from what is kept."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.core.identity import person_key
from gateway.core.identity_policy import IdentityPolicy
from gateway.core.lane_rules import LaneRule
from gateway.core.portal_jwt import JwtPolicy
from gateway.core.signed_header import SignedHeaderPolicy, sign
from tests.gateway.web.conftest import KEYS, ROOM
from tests.security.conftest import Answer, Entrance

Start = Callable[..., Any]
PEER = "127.0.0.1"
SHARED = bytes(range(32))
RSA, STRANGER = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
RULES = (LaneRule(lane="urgent", claim={"role": "midwife"}), LaneRule(lane="urgent", region=("amur",)))


@pytest.fixture
async def entrance(start: Start, tmp_path: Path) -> Entrance:
    """A full room whose portal signs by RS256 or by the shared key; no proxy is trusted."""
    public, shared = tmp_path / "portal.pem", tmp_path / "portal.keys"
    public.write_bytes(RSA.as_pem(private=False))
    shared.write_text(f"k1:{SHARED.hex()}")
    shared.chmod(0o600)
    identity = IdentityPolicy(
        jwt=JwtPolicy(key_file=public, audience="talon", issuer="portal", lane="lane"),
        signed_header=SignedHeaderPolicy(key_file=shared),
        region_header="X-Region",
    )
    opened: Entrance = await start(identity=identity, lane_rules=RULES)
    await opened.close()
    return opened


def claims(entrance: Entrance, **changes: object) -> dict[str, object]:
    said = {"iss": "portal", "aud": "talon", "sub": "anna", "lane": "urgent", "exp": entrance.now + 300, **changes}
    return {name: value for name, value in said.items() if value is not None}


def signed(said: Mapping[str, object], key: Any = RSA, algorithm: str = "RS256") -> str:
    return jwt.encode({"alg": algorithm}, dict(said), key, algorithms=[algorithm])


def b64(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def lane(answer: Answer) -> str:
    return str(json.loads(answer.body)["lane"])


async def queue(entrance: Entrance, *tokens: str, fields: tuple[str, ...] = ()) -> tuple[str, int]:
    """Lane and number of somebody who brings these tokens."""
    answer = await entrance.ask("/booking", *(f"Authorization: Bearer {token}" for token in tokens), *fields)
    ticket = entrance.site.tokens.read_ticket(json.loads(answer.body)["ticket"])
    assert ticket is not None
    assert ticket.lane == lane(answer)
    return ticket.lane, ticket.number


async def test_the_portals_own_token_is_believed(entrance: Entrance) -> None:
    """The other tests would pass if nothing were believed at all."""
    token = signed(claims(entrance))
    assert await queue(entrance, token) == await queue(entrance, token) == ("urgent", 1)


async def test_forged_tokens_give_neither_lane_nor_place(entrance: Entrance) -> None:
    """A strange key, another algorithm, none at all, the public key as a secret: each is a newcomer like any other."""
    said = claims(entrance)
    head, body, signature = signed(said).split(".")
    confused = f"{b64({'alg': 'HS256'})}.{b64(said)}"
    mac = hmac.digest(RSA.as_pem(private=False), confused.encode(), "sha256")
    forged = [
        signed(said, STRANGER),
        signed(said, ECKey.generate_key("P-256"), "ES256"),
        signed(said, OctKey.import_key(SHARED), "HS256"),
        signed(said, RSA, "RS512"),
        f"{b64({'alg': 'none'})}.{b64(said)}.",
        f"{b64({'alg': 'none', 'typ': 'JWT'})}.{b64(said)}.{signature}",
        f"{confused}.{b64(mac)}",
        f"{head}.{b64({**said, 'sub': 'boris'})}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        jwt.encode({"alg": "RS256", "jwk": STRANGER.as_dict(private=False)}, dict(said), STRANGER),
        "a" * 5000,
        "not.a.token",
    ]
    for number, token in enumerate(forged, start=1):
        assert await queue(entrance, token) == ("regular", number), token[:60]


async def test_tokens_for_others_or_other_times_give_nothing(entrance: Entrance) -> None:
    """Expired, not yet valid, without an end, for another audience or from another issuer."""
    wrong: list[dict[str, object]] = [
        {"exp": entrance.now - 11},
        {"exp": None},
        {"nbf": entrance.now + 60},
        {"aud": "shop"},
        {"aud": None},
        {"iss": "elsewhere"},
    ]
    for number, changes in enumerate(wrong, start=1):
        assert await queue(entrance, signed(claims(entrance, **changes))) == ("regular", number), changes


async def test_a_token_that_ends_while_it_is_remembered_ends(entrance: Entrance) -> None:
    """A verified token is not verified again, but its time is looked at each time."""
    token = signed(claims(entrance, exp=entrance.now + 5))
    assert await queue(entrance, token) == ("urgent", 1)
    entrance.now += 16
    await entrance.tick()
    assert await queue(entrance, token) == ("regular", 1)


async def test_a_doubled_field_is_not_believed(entrance: Entrance) -> None:
    """Beside the portal's field a visitor's own, in any order and spelling: neither counts."""
    good, other = signed(claims(entrance)), signed(claims(entrance, sub="boris"), STRANGER)
    assert await queue(entrance, good, other) == ("regular", 1)
    assert await queue(entrance, other, good) == ("regular", 2)
    assert await queue(entrance, good, fields=(f"AUTHORIZATION: Bearer {good}",)) == ("regular", 3)
    line = f"Talon-Identity: {sign('sub=anna&lane=urgent', int(entrance.now), SHARED)}"
    assert await queue(entrance, fields=(line, line)) == ("regular", 4)
    assert await queue(entrance, fields=(line,)) == ("urgent", 1)


async def test_a_signed_field_is_soon_worth_nothing(entrance: Entrance) -> None:
    """A line copied from a log counts for a minute, and one that was changed never."""
    line = sign("sub=anna&lane=urgent", int(entrance.now), SHARED)
    assert await queue(entrance, fields=(f"Talon-Identity: {line.replace('anna', 'olga')}",)) == ("regular", 1)
    entrance.now += 61
    await entrance.tick()
    assert await queue(entrance, fields=(f"Talon-Identity: {line}",)) == ("regular", 2)


@pytest.mark.parametrize(
    "fields",
    [
        ("X-Region: amur",),
        ("X-Region: amur", "X-Forwarded-For: 10.0.0.1"),
        ("Cookie: role=midwife; region=amur; lane=urgent",),
        ("Talon-Identity: sub=anna&lane=urgent",),
        ("Authorization: Basic YW5uYTp1cmdlbnQ=", "role: midwife", "lane: urgent"),
    ],
)
async def test_a_stranger_cannot_say_who_they_are(entrance: Entrance, fields: tuple[str, ...]) -> None:
    """Region, claims and lane count only signed, or from the address of a trusted proxy."""
    for target in ("/booking", "/booking?lane=urgent&role=midwife&region=amur"):
        assert (await queue(entrance, fields=fields))[0] == "regular", target


async def test_the_ticket_api_believes_as_much_and_no_more(entrance: Entrance) -> None:
    """A join by the API has the lane and place of the token, and none by what its body says of itself."""
    body = json.dumps({"room": ROOM, "sub": "anna", "lane": "urgent", "claims": {"role": "midwife"}}).encode()
    for token, expected in ((signed(claims(entrance), STRANGER), "regular"), (signed(claims(entrance)), "urgent")):
        fields = (f"Authorization: Bearer {token}", "Content-Type: application/json")
        answer = await entrance.ask("/_talon/tickets", *fields, method="POST", body=body)
        assert lane(answer) == expected


async def test_an_identity_shown_in_another_room_is_another_place() -> None:
    """The portal says who somebody is, not where they go: each room keeps a hash of its own, so nothing is shared.

    A token that works in every room of the site opens nothing by itself: it gives its person one place in each.
    """
    assert person_key(KEYS, "booking", "anna") != person_key(KEYS, "vaccination", "anna")


async def test_the_log_does_not_know_the_visitor(entrance: Entrance) -> None:
    """Neither subject nor token stands in the access log or the metrics."""
    token = signed(claims(entrance, sub="anna-petrova-1980"))
    line = sign("sub=anna-petrova-1980", int(entrance.now), SHARED)
    await queue(entrance, token)
    await queue(entrance, fields=(f"Talon-Identity: {line}",))
    kept = json.dumps([dict(entry) for entry in entrance.log_lines()]) + entrance.site.metrics.render().decode()
    for secret in ("petrova", token[-20:], token.split(".")[1][:20], line[-20:]):
        assert secret not in kept

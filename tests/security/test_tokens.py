"""Tickets and passes in the wrong hands: shared, replayed, moved to another room or epoch, forged, out of date."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core import passes, ticket
from gateway.core.keyring import KeyRing, parse_keyring
from gateway.core.passes import Pass
from gateway.core.ticket import Ticket
from gateway.web.tokens import Tokens
from tests.gateway.web.conftest import KEYS, ROOM
from tests.security.conftest import Answer, Entrance

Start = Callable[..., Any]
NEW, OLD = "n1:" + "ab" * 32, "o1:" + "cd" * 32
PASS = Pass(
    room=ROOM, visit="e1.regular.7", lane="regular", pool="primary", issued_at=1e6, expires_at=1e6 + 600, cap_at=2e6
)
TICKET = Ticket(room=ROOM, epoch="e1", lane="regular", number=7, joined_at=1e6)


def part(value: object) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def visit_of(answer: Answer) -> str:
    """The visit whose pass an answer hands out."""
    return passes.decode(answer.cookie("talon_pass"), KEYS).visit


def claims(entrance: Entrance) -> int:
    """How many visits were let in from the queue or past it."""
    assert entrance.room.view is not None
    return entrance.room.view.lanes["regular"].claims


async def test_parallel_claims_with_one_ticket_are_one_visit(full: Entrance) -> None:
    """Twenty requests at once with a shared ticket get passes of the same visit, and one claim is counted."""
    shared = await full.waiting()
    before = claims(full)
    await full.open()
    answers = await asyncio.gather(*[full.ask("/booking", f"Talon-Ticket: {shared}") for _ in range(20)])
    assert {answer.status for answer in answers} == {200}
    assert len({visit_of(answer) for answer in answers}) == 1
    await full.tick(1)
    assert claims(full) == before + 1


async def test_a_copied_pass_is_the_same_visit(free: Entrance) -> None:
    """Requests of several clients with one pass count as one visit inside."""
    admission = await free.admitted()
    inside = free.room.ledger.total
    for _ in range(3):
        assert (await free.ask("/booking", f"Cookie: talon_pass={admission}")).status == 200
    assert free.room.ledger.total == inside


@pytest.mark.parametrize("later", [601, 2000], ids=["the pass has ended", "the claim is forgotten"])
async def test_a_used_ticket_is_gone(full: Entrance, later: float) -> None:
    """A ticket that was used cannot be replayed after the pass that it gave: it gives a new place at the end."""
    used = await full.waiting()
    await full.open()
    assert (await full.ask("/booking", f"Talon-Ticket: {used}")).cookie("talon_pass")
    full.now += later
    await full.close()
    full.backend.asked.clear()
    answer = await full.ask("/booking", f"Talon-Ticket: {used}")
    assert (answer.status, full.backend.asked) == (503, [])
    assert json.loads(answer.body)["ticket"] != used
    assert (await full.ask(f"/_talon/tickets/{used}")).status == 410


@pytest.mark.parametrize(
    "change",
    [{"room": "laboratory"}, {"epoch": "e0"}, {"epoch": "e0", "number": 2**31 - 1}, {"lane": "express"}],
    ids=["room", "epoch", "huge number of an epoch", "lane"],
)
async def test_a_ticket_of_elsewhere_gives_no_turn(full: Entrance, change: dict[str, Any]) -> None:
    """A rightly signed ticket of another room, epoch or lane is worth nothing here: its holder joins at the end."""
    own = ticket.decode(await full.waiting(), KEYS)
    last = json.loads((await full.ask("/booking")).body)["number"]
    foreign = ticket.encode(replace(own, **change), KEYS)
    answer = await full.ask("/booking", f"Talon-Ticket: {foreign}")
    assert (answer.status, full.backend.asked) == (503, [])
    assert json.loads(answer.body)["number"] == last + 1


async def test_a_ticket_of_another_epoch_keeps_nobodys_place(full: Entrance) -> None:
    """A poll counts as presence only for the number that the room itself has given."""
    own = await full.waiting()
    await full.tick(2)
    assert full.room.heartbeats == {}
    foreign = ticket.encode(replace(ticket.decode(own, KEYS), epoch="e0"), KEYS)
    await full.ask(f"/_talon/rooms/{ROOM}", f"Talon-Ticket: {foreign}")
    assert full.room.heartbeats == {}
    await full.ask(f"/_talon/rooms/{ROOM}", f"Talon-Ticket: {own}")
    assert full.room.heartbeats == {"regular": {ticket.decode(own, KEYS).number}}


@pytest.mark.parametrize(
    "change",
    [
        {"room": "laboratory"},
        {"issued_at": 1e6 + 7200, "expires_at": 1e6 + 9000},
        {"issued_at": 1e12, "expires_at": 2e12},
        {"expires_at": 1e6 - 1},
        {"expires_at": float("-1e15")},
    ],
    ids=["another room", "issued in two hours", "issued in the far future", "over", "long over"],
)
async def test_a_pass_for_elsewhere_or_another_time_opens_nothing(full: Entrance, change: dict[str, Any]) -> None:
    """Room and times of a rightly signed pass are held against the room and the store's clock."""
    token = passes.encode(replace(PASS, **change), KEYS)
    for field in (f"Talon-Pass: {token}", f"Cookie: talon_pass={token}"):
        assert ((await full.ask("/booking", field)).status, full.backend.asked) == (503, [])
    good = passes.encode(replace(PASS, expires_at=full.now + 60), KEYS)
    assert (await full.ask("/booking", f"Talon-Pass: {good}")).status == 200


async def test_times_that_a_client_sends_do_not_count(full: Entrance) -> None:
    """Neither an ended pass nor the time of joining is moved by what a request says of the time."""
    ended = passes.encode(replace(PASS, expires_at=full.now - 1), KEYS)
    said = (
        "Date: Mon, 12 Jan 1970 13:00:00 GMT",
        "X-Request-Start: t=1",
        "Age: 999999",
        "X-Joined-At: 1",
        "Talon-Time: 1",
    )
    answer = await full.ask("/booking?joined_at=1&now=1", f"Talon-Pass: {ended}", *said)
    assert (answer.status, full.backend.asked) == (503, [])
    assert ticket.decode(answer.cookie("talon_ticket"), KEYS).joined_at == pytest.approx(full.now)


def flips(token: str) -> set[str]:
    """All tokens that differ in one bit of one character."""
    changed = (token[:at] + chr(ord(c) ^ 1 << bit) + token[at + 1 :] for at, c in enumerate(token) for bit in range(8))
    return set(changed) - {token}


def test_every_flipped_bit_of_a_ticket_is_noticed() -> None:
    """No ticket that differs in a single bit is read."""
    tokens = Tokens(KEYS)
    token = ticket.encode(TICKET, KEYS)
    assert tokens.read_ticket(token) == TICKET
    assert [flipped for flipped in flips(token) if tokens.read_ticket(flipped) is not None] == []


def test_every_flipped_bit_of_a_pass_is_noticed() -> None:
    """No pass that differs in a single bit says anything else than the one that was given."""
    token = passes.encode(PASS, KEYS)
    read = []
    for flipped in flips(token):
        try:
            read.append(passes.decode(flipped, KEYS))
        except passes.PassInvalid:
            continue
    # The last character of a signature has two bits that mean nothing.
    assert len(read) <= 2
    assert set(read) <= {PASS}


ATTACKS = {
    "no algorithm": {"alg": "none", "kid": "k1"},
    "no algorithm, oddly written": {"alg": "nOnE", "kid": "k1"},
    "another hash": {"alg": "HS512", "kid": "k1"},
    "a public key": {"alg": "RS256", "kid": "k1"},
    "a list": {"alg": ["HS256", "none"], "kid": "k1"},
    "no key": {"alg": "HS256"},
    "a path as key": {"alg": "HS256", "kid": "../../dev/null"},
    "a null key": {"alg": "HS256", "kid": None},
    "a key of its own": {"alg": "HS256", "kid": "own", "jwk": {"kty": "oct", "k": "AA"}},
    "a key from elsewhere": {"alg": "HS256", "kid": "own", "jku": "http://127.0.0.1:1/keys"},
    "an unencoded payload": {"alg": "HS256", "kid": "k1", "b64": False, "crit": ["b64"]},
    "an unknown extension": {"alg": "HS256", "kid": "k1", "crit": ["x"], "x": 1},
    "encryption with costly keys": {
        "alg": "PBES2-HS256+A128KW",
        "enc": "A128GCM",
        "p2c": 2**31 - 1,
        "p2s": "AA",
        "kid": "k1",
    },
    "encryption": {"alg": "dir", "enc": "A128GCM", "zip": "DEF", "kid": "k1"},
}


@pytest.mark.parametrize("header", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_token_does_not_choose_how_it_is_checked(full: Entrance, header: dict[str, object]) -> None:
    """Whatever a header says of algorithm and key, only HS256 with a known key opens the room."""
    _, payload, signature = passes.encode(replace(PASS, expires_at=full.now + 60), KEYS).split(".")
    for end in ("", signature, "AA", f"{signature}.AA.AA"):
        answer = await full.ask("/booking", f"Talon-Pass: {part(header)}.{payload}.{end}")
        assert (answer.status, full.backend.asked) == (503, [])


RUBBISH = ["[]", "1", "null", '"x"', "{", "[" * 880, '{"alg":' * 120, "\x00\x00", '{"alg":"HS256","kid":"k1"}' * 2]


async def test_rubbish_in_place_of_tokens_is_ignored(full: Entrance) -> None:
    """What is not a token, in whatever place, is as good as none: the visitor waits, and nothing breaks."""
    encoded = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode() for text in RUBBISH]
    tokens = [
        "x",
        "...",
        "t1...",
        "t1.k1..",
        "\udcff.\udcfe.x",
        "t1.k1.\udce9.x",
        *(f"{code}.e30.AA" for code in encoded),
    ]
    for token in (*tokens, "." * 1000, "a" * 3000):
        for name in ("pass", "ticket"):
            fields = (f"Talon-{name}: {token}", f"Cookie: talon_{name}={token}; talon_{name}={token}")
            assert ((await full.ask("/booking", *fields)).status, full.backend.asked) == (503, []), token[:80]


async def test_a_token_of_one_kind_is_none_of_the_other(free: Entrance) -> None:
    """A pass shown as ticket, or a ticket shown as pass, is as good as none."""
    admission = await free.admitted()
    held = await free.waiting()
    assert (await free.ask("/booking", f"Talon-Pass: {held}", f"Cookie: talon_pass={held}")).status == 503
    assert (await free.ask(f"/_talon/tickets/{admission}")).status == 404
    assert free.backend.asked == []


async def test_keys_rotate_with_an_overlap(free: Entrance) -> None:
    """The old key's tokens hold while it is in the file, the new one signs; when it is taken out they are refused."""

    def with_keys(*lines: str) -> KeyRing:
        ring = parse_keyring("\n".join(lines))
        free.site.tokens = Tokens(ring)
        return ring

    with_keys(OLD)
    admission = await free.admitted()
    held = await free.waiting()
    with_keys(NEW, OLD)
    assert (await free.ask("/booking", f"Talon-Pass: {admission}")).status == 200
    kept = json.loads((await free.ask("/booking", f"Talon-Ticket: {held}")).body)
    assert ticket.decode(kept["ticket"], parse_keyring(NEW)).number == ticket.decode(held, parse_keyring(OLD)).number
    free.backend.asked.clear()
    with_keys(NEW)
    answer = await free.ask("/booking", f"Talon-Pass: {admission}", f"Talon-Ticket: {held}")
    assert (answer.status, free.backend.asked) == (503, [])
    assert json.loads(answer.body)["number"] > kept["number"]

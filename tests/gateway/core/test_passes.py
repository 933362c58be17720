"""Passes: a standard JWT that opens one room for a time, and nothing that only looks like one."""

import base64
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from gateway.core.keyring import KeyRing
from gateway.core.passes import MAX_TOKEN, SKEW, Pass, PassInvalid, check, decode, encode, signing_keys

KEYS = KeyRing({"k1": bytes(range(32))})
PASS = Pass(
    room="booking", visit="e1.regular.7", lane="regular", pool="primary", issued_at=1000, expires_at=2200, cap_at=8200
)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_pass_survives_the_round_trip() -> None:
    """What is encoded is decoded to the same pass, also by a key that no longer signs."""
    token = encode(PASS, KEYS)
    assert decode(token, KEYS) == PASS
    assert decode(token, KeyRing({"k2": bytes(32), "k1": bytes(range(32))})) == PASS


def test_a_pass_is_a_jwt_for_others_too() -> None:
    """A proxy with the derived key reads room, visit and end from the standard claims."""
    key = KEYS.derive("k1", "pass")
    assert key is not None
    read = jwt.decode(encode(PASS, KEYS), OctKey.import_key(key), algorithms=["HS256"])
    assert read.header == {"alg": "HS256", "kid": "k1", "typ": "JWT"}
    assert (read.claims["aud"], read.claims["jti"], read.claims["exp"]) == ("booking", "e1.regular.7", 2200)


@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    """A pass with one character replaced is refused, or reads as the very same pass."""
    token = encode(PASS, KEYS)
    at = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_."))
    forged = token[:at] + char + token[at + 1 :]
    try:
        # The last base64 character of a signature has spare bits: such a token says the same.
        assert decode(forged, KEYS) == PASS
    except PassInvalid:
        assert forged != token


@given(st.text(max_size=300))
def test_arbitrary_text_is_refused_quietly(text: str) -> None:
    """Whatever a client sends instead of a pass gives PassInvalid and nothing else."""
    with pytest.raises(PassInvalid):
        decode(text, KEYS)


@pytest.mark.parametrize("alg", ["none", "None", "HS512", "RS256"])
def test_the_token_does_not_choose_the_algorithm(alg: str) -> None:
    """A token that names another algorithm, or none, is refused whatever its signature."""
    _, claims, signature = encode(PASS, KEYS).split(".")
    for end in ("", signature):
        with pytest.raises(PassInvalid):
            decode(f"{part({'alg': alg, 'kid': 'k1'})}.{claims}.{end}", KEYS)


def test_a_foreign_key_is_refused() -> None:
    """A pass signed by somebody else does not open the room, with a known key id or another one."""
    for foreign in (KeyRing({"k1": bytes(32)}), KeyRing({"k7": bytes(32)})):
        with pytest.raises(PassInvalid):
            decode(encode(PASS, foreign), KEYS)


@pytest.mark.parametrize("missing", ["iss", "aud", "jti", "exp", "cap", "iat", "lane", "pool"])
def test_a_signed_token_without_a_claim_is_refused(missing: str) -> None:
    """Every claim is needed, whoever signed."""
    key = KEYS.derive("k1", "pass")
    assert key is not None
    claims = {"iss": "talon", "aud": "r", "jti": "v", "iat": 1, "exp": 2, "cap": 3, "lane": "l", "pool": "p"}
    del claims[missing]
    token = jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(key))
    with pytest.raises(PassInvalid):
        decode(token, KEYS)


def test_another_issuer_is_refused() -> None:
    """A token that the same key signed for something else is no pass."""
    key = KEYS.derive("k1", "pass")
    assert key is not None
    claims = {"iss": "portal", "aud": "r", "jti": "v", "iat": 1, "exp": 2, "cap": 3, "lane": "l", "pool": "p"}
    token = jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(key))
    with pytest.raises(PassInvalid, match="issuer"):
        decode(token, KEYS)


def test_long_tokens_are_not_even_read() -> None:
    """A token has a limit of length."""
    with pytest.raises(PassInvalid, match="not a pass"):
        decode("a" * (MAX_TOKEN + 1), KEYS)


@pytest.mark.parametrize(
    ("room", "now", "said"),
    [
        ("lab", 1500.0, "another room"),
        ("booking", 2200.0, "expired"),
        ("booking", 1000.0 - SKEW - 1, "not valid yet"),
    ],
)
def test_a_pass_opens_its_room_in_its_time_only(room: str, now: float, said: str) -> None:
    """Another room, too late and too early are refused, each with its reason."""
    with pytest.raises(PassInvalid, match=said):
        check(PASS, room=room, now=now)


@pytest.mark.parametrize("now", [1000.0 - SKEW, 1000.0, 2199.9])
def test_a_pass_is_good_from_issue_to_end(now: float) -> None:
    """The pass opens its room until the second of its end, and allows for clocks that differ a little."""
    check(PASS, room="booking", now=now)


@given(st.floats(1000, 9000), st.floats(1, 5000))
def test_renewal_never_passes_the_cap(now: float, idle: float) -> None:
    """Renewing extends a pass by at least half the idle time, never beyond its cap, and changes nothing else."""
    renewed = PASS.renewed(now, idle)
    if renewed is not None:
        assert PASS.expires_at + idle / 2 <= renewed.expires_at <= PASS.cap_at
        assert (renewed.visit, renewed.issued_at, renewed.cap_at) == (PASS.visit, PASS.issued_at, PASS.cap_at)
    else:
        assert min(now + idle, PASS.cap_at) - PASS.expires_at < idle / 2


def test_a_pass_in_use_reaches_its_cap_and_ends() -> None:
    """A visit that asks every minute keeps its pass exactly until the cap."""
    admission, now = PASS, 1000.0
    while now < admission.expires_at:
        admission = admission.renewed(now, 1200.0) or admission
        now += 60.0
    assert PASS.cap_at - 600 <= admission.expires_at <= PASS.cap_at


def test_no_signing_key_holds_a_zero() -> None:
    """HAProxy takes a key for ended at the first byte 0; one key in eight would have one."""
    for number in range(200):
        ring = KeyRing({"k1": number.to_bytes(32, "big")})
        secret = signing_keys(ring)["k1"]
        assert len(secret) == 32
        assert 0 not in secret

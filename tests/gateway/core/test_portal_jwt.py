"""The portal's JWT: what counts, and everything that does not."""

import base64
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.core.identity import IdentityInvalid, IdentityResult
from gateway.core.portal_jwt import MAX_TOKEN, JwtKey, JwtPolicy, Verified, verify

NOW = 1_785_000_000.0
RSA, OTHER_RSA = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
EC, SHARED = ECKey.generate_key("P-256"), OctKey.import_key(bytes(range(32)))
CLAIMS = {"iss": "https://portal", "aud": "talon", "sub": "12345", "exp": NOW + 300, "iat": NOW}
KINDS: dict[str, JwtKey] = {"RS256": RSA, "ES256": EC, "HS256": SHARED}


def policy(algorithm: Literal["RS256", "ES256", "HS256"] = "RS256", **named: Any) -> JwtPolicy:
    return JwtPolicy(
        key_file=Path("keys"), audience="talon", algorithm=algorithm, **{"issuer": "https://portal", **named}
    )


def token(changes: Mapping[str, object] | None = None, key: JwtKey = RSA, algorithm: str = "RS256") -> str:
    claims = {name: value for name, value in {**CLAIMS, **(changes or {})}.items() if value is not None}
    return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])


def refused(text: str, keys: list[JwtKey] | None = None, rules: JwtPolicy | None = None) -> IdentityResult:
    with pytest.raises(IdentityInvalid) as caught:
        verify(text, [RSA] if keys is None else keys, rules or policy()).check(NOW, 10.0)
    return caught.value.result


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "HS256"])
def test_a_token_of_the_portal_counts(algorithm: Literal["RS256", "ES256", "HS256"]) -> None:
    """Signed by a known key, for us, in time: its claims are what the portal says, in each algorithm."""
    text = token(key=KINDS[algorithm], algorithm=algorithm)
    found = verify(text, [KINDS[algorithm]], policy(algorithm))
    found.check(NOW, 10.0)
    assert (found.claims["sub"], found.begins, found.ends) == ("12345", NOW, NOW + 300)


def test_keys_overlap() -> None:
    """While the portal changes keys, tokens of both count; of a third they do not."""
    assert verify(token(key=OTHER_RSA), [RSA, OTHER_RSA], policy()).claims["sub"] == "12345"
    assert refused(token(key=OTHER_RSA)) is IdentityResult.FORGED
    assert refused(token(), keys=[]) is IdentityResult.MALFORMED


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"exp": NOW - 11}, IdentityResult.EXPIRED),
        ({"exp": NOW - 10}, IdentityResult.EXPIRED),
        ({"nbf": NOW + 11}, IdentityResult.NOT_YET),
        ({"iat": NOW + 11}, IdentityResult.NOT_YET),
        ({"exp": None}, IdentityResult.MALFORMED),
        ({"exp": "tomorrow"}, IdentityResult.MALFORMED),
        ({"exp": True}, IdentityResult.MALFORMED),
        ({"exp": float("nan")}, IdentityResult.MALFORMED),
        ({"exp": float("inf")}, IdentityResult.MALFORMED),
        ({"exp": 10**400}, IdentityResult.MALFORMED),
        ({"nbf": [0]}, IdentityResult.MALFORMED),
        ({"aud": "shop"}, IdentityResult.OTHER_AUDIENCE),
        ({"aud": ["shop", "talons"]}, IdentityResult.OTHER_AUDIENCE),
        ({"aud": {"talon": 1}}, IdentityResult.OTHER_AUDIENCE),
        ({"aud": None}, IdentityResult.OTHER_AUDIENCE),
        ({"iss": "https://elsewhere"}, IdentityResult.OTHER_ISSUER),
        ({"iss": None}, IdentityResult.OTHER_ISSUER),
    ],
)
def test_a_token_that_is_not_for_us_or_not_for_now_does_not_count(
    changes: Mapping[str, object], result: IdentityResult
) -> None:
    """Time, audience and issuer are checked whatever the token says of them, in whatever type."""
    assert refused(token(changes)) is result


def test_a_little_skew_is_forgiven() -> None:
    """Clocks may differ by the leeway, and one of several audiences may be ours."""
    found = verify(token({"exp": NOW - 9, "nbf": NOW + 9, "aud": ["shop", "talon"]}), [RSA], policy())
    found.check(NOW, 10.0)


def test_the_token_does_not_choose_its_algorithm() -> None:
    """`none`, another algorithm, or the public key taken for a shared secret are refused."""
    for algorithm in ("none", "None", "nOnE"):
        assert refused(f"{b64({'alg': algorithm})}.{b64(CLAIMS)}.") is IdentityResult.MALFORMED
    signed = f"{b64({'alg': 'HS256'})}.{b64(CLAIMS)}"
    mac = hmac.digest(RSA.as_pem(private=False), signed.encode(), "sha256")
    confused = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    for text in (confused, token(key=EC, algorithm="ES256")):
        assert refused(text) is IdentityResult.MALFORMED
    assert refused(token(key=SHARED, algorithm="HS512"), [SHARED], policy("HS256")) is IdentityResult.MALFORMED


def test_a_changed_token_is_forged() -> None:
    """Another payload under the old signature, or no signature, is nothing."""
    head, body, signature = token().split(".")
    assert refused(f"{head}.{b64({**CLAIMS, 'sub': 'boris'})}.{signature}") is IdentityResult.FORGED
    assert refused(f"{head}.{body}.") is IdentityResult.FORGED


def test_keys_in_the_token_are_not_used() -> None:
    """A key or an address of keys in the token's head is the forger's, and not looked at."""
    for extra in ({"jwk": OTHER_RSA.as_dict(private=False)}, {"jku": "http://127.0.0.1/keys"}, {"kid": "../../etc"}):
        text = jwt.encode({"alg": "RS256", **extra}, CLAIMS, OTHER_RSA)
        assert refused(text) in (IdentityResult.FORGED, IdentityResult.MALFORMED)
    named = jwt.encode({"alg": "RS256", "kid": "portal-7"}, CLAIMS, RSA)
    assert verify(named, [OTHER_RSA, RSA], policy()).claims["sub"] == "12345"


def test_a_long_token_is_not_even_read() -> None:
    """There is a limit of size before any mathematics."""
    assert refused("a" * (MAX_TOKEN + 1)) is IdentityResult.TOO_LONG


@given(st.text(max_size=60) | st.text("ey.J-_=", max_size=60) | st.just(b64([1]) + "." + b64(CLAIMS) + ".x"))
def test_nothing_else_is_a_token(text: str) -> None:
    """Any text is refused without an error of another kind."""
    assert refused(text) in (IdentityResult.MALFORMED, IdentityResult.FORGED)


def test_deep_json_is_refused() -> None:
    """A payload that nests without end, though signed by a shared secret's owner, breaks nothing."""
    body = b'{"a":' + b"[" * 1400 + b"]" * 1400 + b"}"
    text = jws.serialize_compact({"alg": "HS256"}, body, SHARED)
    assert refused(text, [SHARED], policy("HS256")) in (IdentityResult.MALFORMED, IdentityResult.OTHER_ISSUER)


@pytest.mark.parametrize(
    "named",
    [{"audience": ""}, {"audience": "talon", "header": ""}, {"audience": "talon", "leeway": 301.0}],
)
def test_a_policy_that_would_believe_too_much_is_refused(named: dict[str, Any]) -> None:
    """Without an audience tokens for other sites would count; a field must be named; clocks are not that wrong."""
    with pytest.raises(ValueError, match=r"audience|header|leeway"):
        JwtPolicy(key_file=Path("keys"), **named)


def test_verified_claims_are_checked_again_each_time() -> None:
    """What was verified once ends all the same."""
    found = Verified(claims={}, begins=NOW, ends=NOW + 5)
    found.check(NOW + 14.9, 10.0)
    with pytest.raises(IdentityInvalid, match="expired"):
        found.check(NOW + 15, 10.0)

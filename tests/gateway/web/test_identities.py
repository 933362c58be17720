"""Finding identities in fields and cookies: one of them, said once, remembered while it lasts."""

from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from multidict import CIMultiDict

from gateway.core.identity import NOBODY, IdentityResult
from gateway.core.identity_policy import IdentityPolicy
from gateway.core.portal_jwt import JwtPolicy
from gateway.core.signed_header import SignedHeaderPolicy, sign
from gateway.identity_keys import IdentityKeys
from gateway.web.identities import MAX_CACHED, Identities, Source

NOW = 1_785_000_000.0
SECRET = bytes(range(32))
FILE = Path("keys")


def token(subject: str = "anna", ends: float = NOW + 300) -> str:
    claims = {"aud": "talon", "sub": subject, "exp": ends, "role": "midwife"}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def identities(cookie: str = "", header: str = "Authorization") -> Identities:
    policy = IdentityPolicy(
        jwt=JwtPolicy(key_file=FILE, audience="talon", algorithm="HS256", cookie=cookie, header=header),
        signed_header=SignedHeaderPolicy(key_file=FILE),
    )
    keys = IdentityKeys(jwt=(OctKey.import_key(SECRET),), signed_header=(SECRET,))
    return Identities(policy, keys, frozenset({"role"}))


def found(fields: list[tuple[str, str]], by: Identities | None = None) -> tuple[str, dict[Source, IdentityResult]]:
    answer = (by or identities()).find(CIMultiDict(fields), NOW)
    return answer.identity.subject, dict(answer.results)


def test_a_bearer_token_is_found() -> None:
    """In `Authorization` with the word Bearer, in another field without it; the claims that rules need are there."""
    assert found([("authorization", f"bearer {token()}")]) == ("anna", {"jwt": IdentityResult.KNOWN})
    assert found([("X-Jwt", token())], identities(header="X-Jwt"))[0] == "anna"
    answer = identities().find(CIMultiDict({"Authorization": f"Bearer {token()}"}), NOW)
    assert answer.identity.claims == {"role": ("midwife",)}


def test_a_cookie_is_found_among_others() -> None:
    """The cookie counts when the field is not there, however cookies are written."""
    by = identities(cookie="session")
    assert found([("Cookie", f'a=1; session="{token()}";b=2')], by)[0] == "anna"
    assert found([("Cookie", f"xsession={token()}; session2={token()}")], by)[0] == ""


def test_other_schemes_are_not_ours() -> None:
    """What a visitor and the backend exchange otherwise in `Authorization` is no failed identity."""
    assert found([("Authorization", "Basic YW5uYTpzZWNyZXQ=")]) == (
        "",
        {"jwt": IdentityResult.ABSENT, "signed_header": IdentityResult.ABSENT},
    )


def test_the_signed_field_stands_in_for_a_missing_or_bad_token() -> None:
    """The token comes first; where it does not count the signed field may."""
    signed = ("Talon-Identity", sign("sub=boris", int(NOW), SECRET))
    assert found([signed]) == ("boris", {"jwt": IdentityResult.ABSENT, "signed_header": IdentityResult.KNOWN})
    assert found([signed, ("Authorization", f"Bearer {token()}")])[0] == "anna"
    assert found([signed, ("Authorization", f"Bearer {token()}x")])[0] == "boris"


@pytest.mark.parametrize(
    "fields",
    [
        [("Authorization", f"Bearer {token()}"), ("authorization", f"Bearer {token()}")],
        [("Authorization", f"Bearer {token()}"), ("Authorization", "Bearer x")],
        [("Cookie", f"session={token()}; session={token('boris')}")],
        [("Cookie", f"session={token()}"), ("Cookie", "session=x")],
    ],
)
def test_what_is_said_twice_is_not_said(fields: list[tuple[str, str]]) -> None:
    """Two fields or cookies of the name give nobody, even if both are true."""
    assert found(fields, identities(cookie="session")) == (
        "",
        {"jwt": IdentityResult.TWICE, "signed_header": IdentityResult.ABSENT},
    )
    twice = [("Talon-Identity", sign("sub=boris", int(NOW), SECRET))] * 2
    assert found(twice)[1]["signed_header"] is IdentityResult.TWICE


def test_a_remembered_token_ends_all_the_same() -> None:
    """Verified once, a token is found by its text, and not beyond its time."""
    by, fields = identities(), CIMultiDict({"Authorization": f"Bearer {token()}"})
    assert by.find(fields, NOW).identity.subject == "anna"
    assert by.find(fields, NOW + 309).identity.subject == "anna"
    ended = by.find(fields, NOW + 311)
    assert (ended.identity, ended.results[0]) == (NOBODY, ("jwt", IdentityResult.EXPIRED))


def test_the_memory_is_bounded_and_holds_good_tokens_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently used token goes; forged and ended ones never come in."""
    monkeypatch.setattr("gateway.web.identities.MAX_CACHED", 2)
    by = identities()
    for text in [token(f"p{i}") for i in range(4)] + [token() + "x", token(ends=NOW - 60)]:
        by.find(CIMultiDict({"Authorization": f"Bearer {text}"}), NOW)
    assert [verified.claims["sub"] for verified in by._verified.values()] == ["p2", "p3"]
    assert MAX_CACHED <= 100_000


def test_without_keys_nothing_is_looked_for() -> None:
    """Where no file of keys is configured fields are not even read."""
    answer = Identities(IdentityPolicy()).find(CIMultiDict({"Authorization": f"Bearer {token()}"}), NOW)
    assert (answer.identity, answer.results) == (NOBODY, ())

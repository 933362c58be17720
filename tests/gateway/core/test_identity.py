"""Identities: what a claim may hold, and what is kept of a person."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.identity import MAX_TEXT, MAX_VALUES, PERSON_BYTES, as_texts, identity_of, person_key
from gateway.core.keyring import KeyRing

KEYS = KeyRing({"k2": b"2" * 32, "k1": b"1" * 32})
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(anything)
def test_any_claim_gives_short_texts(value: object) -> None:
    """Whatever JSON a portal puts into a claim, what rules see of it is a few texts of bounded length."""
    texts = as_texts(value)
    assert len(texts) <= MAX_VALUES
    assert all(0 < len(text) <= MAX_TEXT for text in texts)


def test_claims_are_compared_as_text() -> None:
    """True, numbers and lists are written as a configuration would write them; other structures are nothing."""
    assert [as_texts(value) for value in (True, False, 7, "a", ["a", 1, ["b"], None], {"a": 1}, "", None, 1.5)] == [
        ("true",),
        ("false",),
        ("7",),
        ("a",),
        ("a", "1"),
        (),
        (),
        (),
        (),
    ]


def test_only_named_claims_are_kept() -> None:
    """Of a token's claims an identity holds those that have a meaning or that a rule asks for."""
    said = {"sub": 12345, "prio": "high", "reg": ["amur"], "mail": "anna@example.org", "roles": ["a", "b"]}
    found = identity_of(said, subject="sub", lane="prio", region="reg", rules=["roles", "missing"])
    assert (found.subject, found.lane, found.region) == ("12345", "high", "amur")
    assert found.claims == {"roles": ("a", "b")}


def test_a_subject_with_several_values_is_none() -> None:
    """A list of subjects, or one that is too long, is nobody."""
    for subject in (["a", "b"], "x" * (MAX_TEXT + 1), {"a": 1}, "", None):
        assert identity_of({"sub": subject}, subject="sub", lane="", region="", rules=[]).subject == ""


def test_an_identity_does_not_print_its_person() -> None:
    """What slips into a log by its repr is not the subject, nor a claim."""
    found = identity_of({"sub": "anna", "role": "midwife"}, subject="sub", lane="", region="", rules=["role"])
    assert "anna" not in repr(found)
    assert "midwife" not in repr(found)


@given(st.text(max_size=40), st.text(max_size=40))
def test_persons_are_told_apart(one: str, other: str) -> None:
    """Different subjects, rooms, kinds and keys give different hashes; the same ones the same."""
    key = person_key(KEYS, "booking", one)
    assert len(key) == PERSON_BYTES
    assert (key == person_key(KEYS, "booking", other)) is (one == other)
    assert key == person_key(KEYS, "booking", one)
    assert key != person_key(KEYS, "booking", one, "again")
    assert key != person_key(KEYS, "other", one)
    assert key != person_key(KeyRing({"k3": b"3" * 32}), "booking", one)

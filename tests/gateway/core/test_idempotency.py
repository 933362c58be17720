"""Idempotency keys: what a key is, who it belongs to, and what a record means for a repetition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.idempotency import (
    Answer,
    IdempotencyPolicy,
    KeyInvalid,
    Meaning,
    answered,
    fingerprint,
    is_final,
    place_of,
    read_key,
    read_record,
    under_way,
)


@pytest.mark.parametrize(("header", "key"), [('"8e03978e-40d5"', "8e03978e-40d5"), ("abc", "abc"), ("x;y", "x;y")])
def test_a_key_is_a_string_in_quotes_or_bare(header: str, key: str) -> None:
    """Both forms name the same key."""
    assert read_key(header) == key


@pytest.mark.parametrize("header", ["", '""', '"a', 'a"b', '"a" "b"', "a b", "ключ", "x" * 256, '"a\\b"'])
def test_anything_else_is_refused(header: str) -> None:
    """Empty, broken, too long or unreadable keys are said to be so."""
    with pytest.raises(KeyInvalid, match="1 to 255"):
        read_key(header)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_record_belongs_to_one_sender_and_key(sender: str, key: str, other: str, other_key: str) -> None:
    """Two places are the same only for the same sender and the same key, wherever one ends and the other begins."""
    same = (sender, key) == (other, other_key)
    assert (place_of(sender, key) == place_of(other, other_key)) == same


def test_a_fingerprint_tells_requests_apart() -> None:
    """Method, target, type and body all count."""
    base = ("POST", "/bookings", "text/plain", b"slot=1")
    others = [("PATCH", *base[1:]), ("POST", "/x", *base[2:]), (*base[:2], "a/b", base[3]), (*base[:3], b"slot=2")]
    assert len({fingerprint(*one) for one in [base, *others]}) == 5


@given(
    st.integers(200, 599),
    st.lists(st.tuples(st.text("abc-", min_size=1), st.text(max_size=9))),
    st.binary(max_size=90),
)
def test_a_stored_answer_comes_back_as_it_was(status: int, fields: list[tuple[str, str]], body: bytes) -> None:
    """Status, fields in their order, and every byte of the body."""
    answer = Answer(status=status, fields=tuple(fields), body=body)
    assert read_record(answered("m", answer), "m") == (Meaning.ANSWERED, answer)
    assert read_record(answered("m", answer), "n") == (Meaning.OTHER, None)


@pytest.mark.parametrize("raw", [b"rubbish", b"[]", b"{}", b'{"mark":"m","status":"x"}', under_way("m", "me")])
def test_what_is_no_answer_is_under_way(raw: bytes) -> None:
    """A record that cannot be read never lets a write through twice."""
    assert read_record(raw, "m") == (Meaning.UNDER_WAY, None)


def test_answers_that_ask_to_come_again_are_not_final() -> None:
    """A success, a conflict and a refusal settle a request; overload and failures do not."""
    assert [s for s in (200, 201, 303, 400, 404, 409, 422, 408, 425, 429, 500, 502, 503) if is_final(s)] == [
        *(200, 201, 303, 400, 404, 409, 422)
    ]


@pytest.mark.parametrize("rules", [{"keep": 5.0}, {"unknown": 0.0}, {"keep": 1e9}, {"max_body": -1}])
def test_impossible_policies_are_refused(rules: dict[str, float]) -> None:
    """Lives that contradict each other and bodies beyond the bound are refused by name."""
    with pytest.raises(ValueError, match=r"keep|max_body"):
        IdempotencyPolicy(**rules)  # type: ignore[arg-type]

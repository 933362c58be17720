"""The key ring: rotation with an overlap, one derived key per use, and clear refusals."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.keyring import MAX_KEYS, KeyRing, parse_keyring

A, B = "ab" * 16, "CD" * 32


def test_the_first_key_signs_and_all_are_kept() -> None:
    """The newest key stands first; comments and empty lines do not matter."""
    ring = parse_keyring(f"# newest first\n\nk2:{B}  # since Monday\nk1:{A}\n")
    assert ring.signing_id == "k2"
    assert ring.keys == {"k2": bytes.fromhex(B), "k1": bytes.fromhex(A)}


def test_each_use_has_its_own_key() -> None:
    """Keys for tickets and passes differ, for every id, and are the same on each asking."""
    ring = parse_keyring(f"k2:{B}\nk1:{A}\n")
    derived = [ring.derive(key_id, use) for key_id in ("k1", "k2") for use in ("ticket", "pass")]
    assert len(set(derived)) == 4
    assert all(key is not None and len(key) == 32 for key in derived)
    assert derived == [ring.derive(key_id, use) for key_id in ("k1", "k2") for use in ("ticket", "pass")]
    assert ring.derive("k3", "ticket") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("k1:abc", "line 1: expected KEYID:HEX"),
        (f"k1:{A}\nno colon", "line 2: expected KEYID:HEX"),
        (f"k1:{A}\n\nk1:{B}", "line 3: key id 'k1' stands twice"),
        (f"k 1:{A}", "line 1: expected KEYID:HEX"),
        ("# nothing\n", "expected 1 to 8 keys, got 0"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    """A bad line is named by its number."""
    with pytest.raises(ValueError, match=said):
        parse_keyring(text)


def test_the_number_of_keys_is_bounded() -> None:
    """More keys than a rotation needs are refused."""
    with pytest.raises(ValueError, match=f"1 to {MAX_KEYS}"):
        KeyRing({f"k{i}": bytes(32) for i in range(MAX_KEYS + 1)})


@given(st.text(max_size=300))
def test_arbitrary_text_is_a_ring_or_a_refusal(text: str) -> None:
    """Whatever the file holds gives a ring or a ValueError."""
    with contextlib.suppress(ValueError):
        assert 1 <= len(parse_keyring(text).keys) <= MAX_KEYS


def test_secrets_are_not_shown() -> None:
    """The derived keys do not appear where a ring is printed."""
    ring = parse_keyring(f"k1:{A}")
    key = ring.derive("k1", "pass")
    assert repr(key) not in repr(ring)

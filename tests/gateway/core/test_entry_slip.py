"""Slips: forged, of another kind, used; and the proof of work."""

import hashlib
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import passes, ticket
from gateway.core.entry_slip import Slip, UsedSlips, decode, encode, is_proven
from gateway.core.keyring import KeyRing
from gateway.core.passes import Pass, PassInvalid
from gateway.core.ticket import Ticket, TicketInvalid

KEYS = KeyRing({"k1": bytes(32)})
SLIP = Slip(room="booking", made_at=1000.0, id="abc")


def test_a_slip_is_read_back() -> None:
    """What was signed is read; another key, another kind of token or a changed character is not."""
    token = encode(SLIP, KEYS)
    assert decode(token, KEYS) == SLIP
    assert decode(token, KeyRing({"k1": bytes([1]) * 32})) is None
    held = Ticket(room="booking", epoch="e", lane="regular", number=1, joined_at=1.0)
    assert decode(ticket.encode(held, KEYS), KEYS) is None
    assert decode("s1" + ticket.encode(held, KEYS)[2:], KEYS) is None
    changed = [token[:at] + ("A" if c != "A" else "B") + token[at + 1 :] for at, c in enumerate(token)]
    assert [text for text in changed if decode(text, KEYS) is not None] == []


def test_a_slip_is_neither_ticket_nor_pass() -> None:
    """Each kind of token has its own key, so none stands for another, whatever its first letters say."""
    token = encode(SLIP, KEYS)
    for text in (token, "t1" + token[2:]):
        with pytest.raises(TicketInvalid):
            ticket.decode(text, KEYS)
        with pytest.raises(PassInvalid):
            passes.decode(text, KEYS)
    opened = Pass(room="booking", visit="v", lane="l", pool="p", issued_at=0, expires_at=1, cap_at=1)
    assert decode(passes.encode(opened, KEYS), KEYS) is None


@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda raw: f"s1.k1.{raw.hex()}.{raw.hex()}"))
def test_any_text_is_a_slip_or_none(text: str) -> None:
    """Reading never fails."""
    assert decode(text, KEYS) is None


@given(st.text(max_size=40), st.integers(1, 12))
def test_a_proof_is_a_hash_with_so_many_zero_bits(nonce: str, bits: int) -> None:
    """The check agrees with the plain reading of the hash, bit by bit."""
    token = encode(SLIP, KEYS)
    written = "".join(f"{byte:08b}" for byte in hashlib.sha256(f"{token}|{nonce}".encode()).digest())
    usable = 0 < len(nonce) <= 32 and nonce.isascii() and nonce.isalnum()
    assert is_proven(token, nonce, bits) is (usable and written.startswith("0" * bits))


def test_a_proof_is_found_by_trying_and_holds_for_one_slip() -> None:
    """Some nonce works for a slip; it is worth as much for another as any guess."""
    token = encode(SLIP, KEYS)
    nonce = next(str(n) for n in count() if is_proven(token, str(n), 12))
    others = [encode(replace(SLIP, id=f"other{n}"), KEYS) for n in range(20)]
    assert sum(is_proven(other, nonce, 12) for other in others) <= 1


@given(st.lists(st.integers(0, 60), min_size=1, max_size=120), st.integers(1, 10))
def test_no_slip_is_used_twice_however_few_are_remembered(names: list[int], most: int) -> None:
    """Beyond its size the memory refuses all that is as old as what it forgot, rather than forget a use."""
    used, taken = UsedSlips(most=most), []
    for name in names:
        slip = Slip(room="booking", made_at=1000.0 + name, id=str(name))
        if slip not in used:
            used.add(slip)
            taken.append(name)
        assert len(used) <= most
    assert len(taken) == len(set(taken))


def test_a_used_slip_leads_to_the_place_that_it_has_bought() -> None:
    """While it buys there is no place yet; what failed may be tried again; what was bought is remembered."""
    used, held = UsedSlips(), Ticket(room="booking", epoch="e", lane="regular", number=1, joined_at=1.0)
    used.add(SLIP)
    assert (SLIP in used, used.is_buying(SLIP), used.bought(SLIP)) == (True, True, None)
    used.settle(SLIP, None)
    assert (SLIP in used, used.is_buying(SLIP)) == (False, False)
    used.add(SLIP)
    used.settle(SLIP, held)
    assert (SLIP in used, used.is_buying(SLIP), used.bought(SLIP)) == (True, False, held)


def test_slips_that_are_too_old_anyway_are_forgotten() -> None:
    """Sweeping makes room without a slip coming back to life, since it is judged by its age as well."""
    used = UsedSlips()
    for at in range(10):
        used.add(Slip(room="booking", made_at=float(at), id=str(at)))
    used.sweep(before=5.0)
    assert len(used) == 5

"""Tickets: what is signed is read back, what is touched is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import passes
from gateway.core.keyring import KeyRing
from gateway.core.ticket import MAX_NUMBER, Ticket, TicketInvalid, decode, encode

KEYS = KeyRing({"k1": bytes(range(32))})
OTHER = KeyRing({"k1": bytes(range(1, 33))})
names = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
tickets = st.builds(
    Ticket,
    room=names,
    epoch=names,
    lane=names,
    number=st.integers(1, MAX_NUMBER - 1),
    joined_at=st.integers(0, 2**42).map(lambda ms: ms / 1000),
)
TICKET = Ticket(room="booking", epoch="e1", lane="regular", number=7, joined_at=1000.5)


@given(tickets)
def test_a_token_survives_the_round_trip(ticket: Ticket) -> None:
    """What is encoded is decoded to the same ticket, in the characters that a cookie may hold."""
    token = encode(ticket, KEYS)
    assert decode(token, KEYS) == ticket
    assert set(token) <= set(string.ascii_letters + string.digits + "-_.")


@given(tickets, st.data())
def test_any_changed_character_is_refused(ticket: Ticket, data: st.DataObject) -> None:
    """A token with one character replaced, dropped or added is not a ticket."""
    token = encode(ticket, KEYS)
    at = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.|= é"))
    replaced = token[:at] + char + token[at + 1 :]
    for forged in {replaced, token[:at] + token[at + 1 :], token[:at] + char + token[at:]} - {token}:
        with pytest.raises(TicketInvalid):
            decode(forged, KEYS)


@given(st.text(max_size=500))
def test_arbitrary_text_is_refused_quietly(text: str) -> None:
    """Whatever a client sends instead of a ticket gives TicketInvalid and nothing else."""
    with pytest.raises(TicketInvalid):
        decode(text, KEYS)


def test_a_foreign_key_is_refused() -> None:
    """A ticket of another installation does not fit, with the same key id or an unknown one."""
    with pytest.raises(TicketInvalid, match="signature"):
        decode(encode(TICKET, OTHER), KEYS)
    with pytest.raises(TicketInvalid, match="not in use"):
        decode(encode(TICKET, KeyRing({"k9": bytes(32)})), KEYS)


def test_an_older_key_still_reads() -> None:
    """After a rotation the new key signs and tickets of the old one are still good."""
    rotated = KeyRing({"k2": bytes(32), "k1": bytes(range(32))})
    assert decode(encode(TICKET, KEYS), rotated) == TICKET
    assert encode(TICKET, rotated).startswith("t1.k2.")


def test_a_signed_payload_that_is_no_ticket_is_refused() -> None:
    """Even with the right signature a payload with an impossible number is not a ticket."""
    zero = Ticket(room="a", epoch="b", lane="c", number=1, joined_at=0)
    object.__setattr__(zero, "number", 0)
    with pytest.raises(TicketInvalid, match="payload"):
        decode(encode(zero, KEYS), KEYS)


def test_a_pass_is_no_ticket_and_a_ticket_is_no_pass() -> None:
    """The two tokens are signed with keys of their own and never stand for each other."""
    admission = passes.Pass(
        room="booking", visit="e1.regular.7", lane="regular", pool="p", issued_at=0, expires_at=9, cap_at=9
    )
    with pytest.raises(TicketInvalid):
        decode(passes.encode(admission, KEYS), KEYS)
    with pytest.raises(passes.PassInvalid):
        passes.decode(encode(TICKET, KEYS), KEYS)


@pytest.mark.parametrize("number", [0, -1, MAX_NUMBER])
def test_numbers_out_of_range_are_no_tickets(number: int) -> None:
    """A ticket's number indexes the store's bitmaps, so it is bounded."""
    with pytest.raises(ValueError, match="ticket number"):
        Ticket(room="booking", epoch="e1", lane="regular", number=number, joined_at=0)


def test_a_visit_is_named_by_epoch_lane_and_number() -> None:
    """Each claim with a ticket is the same visit; a ticket of another lane is another visit."""
    assert TICKET.visit == "e1.regular.7"

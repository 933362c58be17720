"""The decision about a request, line by line, and the order of the lines."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decide import Ask, Decision, Forward, Reason, RequestFacts, Wait, decide
from gateway.core.passes import Pass
from gateway.core.ticket import Ticket

TICKET = Ticket(room="booking", epoch="e1", lane="regular", number=8, joined_at=0)
PASS = Pass(room="booking", visit="v", lane="regular", pool="p", issued_at=0, expires_at=1, cap_at=1)
NEWCOMER = RequestFacts(
    express=False, room="booking", observe=False, admission=None, ticket=None, store_up=True, epoch="e1", serving=5
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Ask(ticket=None)),
        ({"express": True}, Forward(reason=Reason.EXPRESS)),
        ({"room": None}, Forward(reason=Reason.NO_ROOM)),
        ({"admission": PASS}, Forward(reason=Reason.PASS, admission=PASS)),
        ({"observe": True}, Forward(reason=Reason.OBSERVE)),
        ({"store_up": False}, Wait(reason=Reason.STORE_DOWN, ticket=None)),
        ({"store_up": False, "ticket": TICKET}, Wait(reason=Reason.STORE_DOWN, ticket=TICKET)),
        ({"ticket": TICKET}, Wait(reason=Reason.QUEUE, ticket=TICKET)),
        ({"ticket": TICKET, "serving": 7}, Wait(reason=Reason.QUEUE, ticket=TICKET)),
        ({"ticket": TICKET, "stop": Reason.PAUSED}, Wait(reason=Reason.PAUSED, ticket=TICKET)),
        ({"ticket": TICKET, "stop": Reason.CLOSED}, Wait(reason=Reason.CLOSED, ticket=TICKET)),
        ({"ticket": TICKET, "stop": Reason.EXHAUSTED}, Wait(reason=Reason.EXHAUSTED, ticket=TICKET)),
        ({"admission": PASS, "stop": Reason.CLOSED}, Forward(reason=Reason.PASS, admission=PASS)),
        ({"ticket": TICKET, "serving": 8}, Ask(ticket=TICKET)),
        ({"ticket": TICKET, "epoch": "e2"}, Ask(ticket=TICKET)),
        ({"ticket": TICKET, "position": 6}, Wait(reason=Reason.QUEUE, ticket=TICKET)),
        ({"ticket": TICKET, "position": 5}, Ask(ticket=TICKET)),
        ({"ticket": TICKET, "prequeue": True}, Wait(reason=Reason.PREQUEUE, ticket=TICKET)),
        ({"ticket": TICKET, "prequeue": True, "serving": 9}, Wait(reason=Reason.PREQUEUE, ticket=TICKET)),
        ({"ticket": TICKET, "prequeue": True, "stop": Reason.PAUSED}, Wait(reason=Reason.PREQUEUE, ticket=TICKET)),
        ({"ticket": TICKET, "prequeue": True, "epoch": "e2"}, Ask(ticket=TICKET)),
        ({"ticket": TICKET, "prequeue": True, "store_up": False}, Wait(reason=Reason.STORE_DOWN, ticket=TICKET)),
    ],
    ids=str,
)
def test_each_line(changes: dict[str, object], expected: Decision) -> None:
    """Every single fact leads to its own decision."""
    assert decide(replace(NEWCOMER, **changes)) == expected


facts = st.builds(
    RequestFacts,
    express=st.booleans(),
    room=st.sampled_from([None, "booking"]),
    observe=st.booleans(),
    admission=st.sampled_from([None, PASS]),
    ticket=st.sampled_from([None, TICKET]),
    store_up=st.booleans(),
    epoch=st.sampled_from(["e1", "e2"]),
    serving=st.integers(0, 20),
    position=st.integers(0, 20),
    prequeue=st.booleans(),
)


@given(facts)
def test_who_holds_a_pass_or_is_express_never_waits(one: RequestFacts) -> None:
    """Whatever else is true, also without the store, these are forwarded at once."""
    decision = decide(one)
    if one.express or one.room is None or one.admission is not None or one.observe:
        assert isinstance(decision, Forward)
    else:
        assert not isinstance(decision, Forward)


@given(facts)
def test_without_the_store_nobody_asks_it_and_no_place_is_lost(one: RequestFacts) -> None:
    """With the store down no decision needs it, and a ticket shown is in the answer."""
    decision = decide(replace(one, store_up=False))
    assert not isinstance(decision, Ask)
    if isinstance(decision, Wait):
        assert decision.ticket == one.ticket


@given(facts)
def test_only_a_place_that_may_be_called_costs_the_store_a_question(one: RequestFacts) -> None:
    """A ticket of this epoch above the serving counter waits without a round trip."""
    decision = decide(one)
    if isinstance(decision, Ask) and decision.ticket is not None:
        called = (one.position or decision.ticket.number) <= one.serving and not one.prequeue
        assert decision.ticket.epoch != one.epoch or called

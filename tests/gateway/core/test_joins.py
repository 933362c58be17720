"""Who may take a new place: the age of slips, with and without a proof, and the rules of a room."""

import pytest

from gateway.core.entry_slip import Slip
from gateway.core.joins import LONGEST, SHORTEST, SKEW, UNPROVEN_AGE, Entry, JoinPolicy, judge

SLIP = Slip(room="booking", made_at=1000.0, id="abc")
PLAIN, WORK = JoinPolicy(second_contact=True), JoinPolicy(second_contact=True, proof_of_work=8)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0.0, Entry.EARLY),
        (-SKEW, Entry.EARLY),
        (-SKEW - 0.1, Entry.NONE),
        (SHORTEST - 0.01, Entry.EARLY),
        (SHORTEST + 0.01, Entry.JOIN),
        (LONGEST - 0.1, Entry.JOIN),
        (LONGEST, Entry.NONE),
        (1e9, Entry.NONE),
    ],
)
def test_a_slip_must_ripen_and_gets_too_old(age: float, expected: Entry) -> None:
    """Too young it must wait, older than five minutes it is replaced; one of the future is worth nothing."""
    assert judge(SLIP, room="booking", now=SLIP.made_at + age, proven=False, policy=PLAIN) is expected


def test_a_slip_of_another_room_is_none() -> None:
    """A slip counts in the room that gave it; without one there is nothing to judge."""
    assert judge(SLIP, room="tests", now=1002.0, proven=True, policy=PLAIN) is Entry.NONE
    assert judge(None, room="booking", now=1002.0, proven=True, policy=PLAIN) is Entry.NONE


@pytest.mark.parametrize(
    ("age", "proven", "expected"),
    [
        (2.0, True, Entry.JOIN),
        (2.0, False, Entry.EARLY),
        (UNPROVEN_AGE, False, Entry.UNPROVEN),
        (UNPROVEN_AGE, True, Entry.JOIN),
        (0.1, True, Entry.EARLY),
    ],
)
def test_who_cannot_prove_waits_longer_and_is_never_locked_out(age: float, proven: bool, expected: Entry) -> None:
    """With the work done a slip opens at once when ripe, without it after a while."""
    assert judge(SLIP, room="booking", now=SLIP.made_at + age, proven=proven, policy=WORK) is expected


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"per_address": -1}, "0 for no limit"),
        ({"burst": 0}, "at least 1"),
        ({"second_contact": True, "proof_of_work": 25}, "at most 24 bits"),
        ({"proof_of_work": 8}, "needs second_contact"),
    ],
)
def test_impossible_rules_are_refused(rules: dict[str, float], said: str) -> None:
    """Each rule says what it expects."""
    with pytest.raises(ValueError, match=said):
        JoinPolicy(**rules)  # type: ignore[arg-type]

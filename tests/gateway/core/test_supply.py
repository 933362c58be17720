"""What the backend says of free slots: bounded in time, never over an operator's head."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.control import MAX_TTL, Control
from gateway.core.supply import HOLD, SlotsSaid, Supply

NONE, SOME = SlotsSaid(left=False), SlotsSaid(left=True)
NOBODY = Control()
PAUSED = Control(action="pause", author="Ann", reason="storm", until=5000.0)
NOW = 1000.0


def word(said: SlotsSaid | None, control: Control = NOBODY, now: float = NOW) -> Control | None:
    supply = Supply()
    supply.note(said)
    return supply.take(control, now)


def emptied(now: float = NOW, **changes: float) -> Control:
    """The setting that `none` leads to."""
    control = word(SlotsSaid(left=False, **changes), now=now)
    assert control is not None
    return control


def test_none_stops_the_room_for_a_while() -> None:
    """Without a time it holds for HOLD seconds, says who set it, and is known as the backend's own."""
    control = emptied()
    assert (control.action, control.author, control.automatic) == ("exhausted", "backend", True)
    assert (control.until, control.back_at) == (NOW + HOLD, 0.0)


def test_none_until_a_time_holds_until_then() -> None:
    """The time is told to visitors; a far one is told too, but the room asks again within a day."""
    assert (emptied(back_at=2000.0).until, emptied(back_at=2000.0).back_at) == (2000.0, 2000.0)
    far = emptied(back_at=NOW + 9 * MAX_TTL)
    assert (far.until, far.back_at) == (NOW + MAX_TTL, NOW + 9 * MAX_TTL)


def test_a_time_that_is_past_is_none_at_all() -> None:
    """A backend whose clock is behind stops nobody for ever and tells nobody a past time."""
    assert emptied(back_at=10.0) == emptied()


@pytest.mark.parametrize("action", ["pause", "close", "exhausted", "rate"])
@pytest.mark.parametrize("said", [NONE, SOME])
def test_an_operators_setting_stays(action: str, said: SlotsSaid) -> None:
    """Whatever an operator has set is never replaced or ended by an answer of the backend."""
    control = Control(action=action, rate=1.0, author="Ann", reason="storm", until=5000.0)
    assert word(said, control) is None
    assert word(NONE, control, now=5000.0) is not None, "after its end the backend counts again"


def test_some_ends_what_none_began() -> None:
    """Only the backend's own setting is ended, and only while it rules."""
    ended = word(SOME, emptied())
    assert ended is not None
    assert (ended.action, ended.active(NOW)) == ("resume", False)
    assert word(SOME) is None
    assert word(SOME, emptied(), now=NOW + HOLD) is None


def test_repeated_words_are_stored_seldom() -> None:
    """A thousand answers that say the same lead to one change, and to another one when half of its time is over."""
    control = emptied()
    assert word(NONE, control, now=NOW + HOLD / 2 - 1) is None
    renewed = word(NONE, control, now=NOW + HOLD / 2 + 1)
    assert renewed is not None
    assert renewed.until == NOW + HOLD / 2 + 1 + HOLD
    assert word(SlotsSaid(left=False, back_at=9000.0), control) is not None, "a time that was not known is news"


def test_a_word_is_taken_once_and_silence_changes_nothing() -> None:
    """Answers without the field leave the last word; taking it forgets it."""
    supply = Supply()
    supply.note(NONE)
    supply.note(None)
    assert supply.take(NOBODY, NOW) is not None
    assert supply.take(NOBODY, NOW) is None


@given(
    left=st.booleans(),
    back_at=st.floats(0, 1e12),
    control=st.sampled_from([NOBODY, PAUSED, emptied()]),
    now=st.floats(0, 1e10),
)
def test_it_is_always_bounded(left: bool, back_at: float, control: Control, now: float) -> None:
    """No word of the backend stops a room for more than a day from now."""
    stored = word(SlotsSaid(left=left, back_at=back_at), control, now)
    assert stored is None or stored.until <= now + MAX_TTL

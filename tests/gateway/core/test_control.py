"""The operator's settings: who, why, until when; and nothing unreadable stops a gateway."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.admission import RateReason
from gateway.core.control import ACTIONS, Control, ControlInvalid

PAUSE = Control(action="pause", author="Ann", reason="storm", until=100.0)


def test_a_setting_survives_the_round_trip() -> None:
    """What one gateway stores the others read unchanged."""
    rate = Control(action="rate", rate=2.5, author="Ann", reason="test", until=50.0)
    assert [Control.from_bytes(c.to_bytes()) for c in (PAUSE, rate, Control())] == [PAUSE, rate, Control()]


@pytest.mark.parametrize(
    ("action", "ruling"),
    [
        ("pause", (0.0, RateReason.PAUSED)),
        ("close", (0.0, RateReason.CLOSED)),
        ("exhausted", (0.0, RateReason.EXHAUSTED)),
        ("rate", (2.5, RateReason.MANUAL)),
    ],
)
def test_what_it_makes_of_the_rate(action: str, ruling: tuple[float, RateReason]) -> None:
    """Every stop has a rate of 0 and a reason of its own; a rate by hand is followed."""
    assert Control(action=action, rate=2.5, author="Ann", reason="test", until=9.0).ruling == ruling


def test_it_ends_by_itself() -> None:
    """A forgotten pause does not stop a clinic for ever, and a resume never rules."""
    assert PAUSE.active(99.9) is True
    assert PAUSE.active(100.0) is False
    assert Control(until=1e12).active(0.0) is False


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "action": json_values | st.sampled_from(ACTIONS),
        "rate": json_values,
        "author": json_values,
        "reason": json_values,
        "until": json_values,
        "back_at": json_values,
        "automatic": json_values,
    },
)


@given(st.binary(max_size=40) | (json_values | bodies).map(lambda value: json.dumps(value).encode()))
@example(b'{"action":"pause","author":1,"reason":"x","until":9}')
@example(b'{"action":"pause","author":"a","reason":"x","until":null}')
@example(b'{"action":[],"rate":{}}')
def test_anything_else_is_no_setting(raw: bytes) -> None:
    """Whatever stands under the key, the room gets a setting that can be asked whether it rules."""
    control = Control.from_bytes(raw)
    assert control.active(0.0) in (True, False)
    assert control.action in ("pause", "resume", "rate")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"action": "stop"}, "action: expected one of pause, close, exhausted, rate, observe, resume"),
        ({"action": "rate", "rate": 0.0, "author": "a", "reason": "b"}, "rate: expected visits/s above 0"),
        ({"action": "rate", "rate": float("nan"), "author": "a", "reason": "b"}, "rate: expected"),
        ({"action": "pause", "author": " ", "reason": "b"}, "author and reason: expected both"),
        ({"action": "pause", "author": "a", "reason": ""}, "author and reason: expected both"),
        ({"action": "pause", "author": "a" * 101, "reason": "b"}, "at most 100"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_was_expected(values: dict[str, object], said: str) -> None:
    """Each field says what it expects."""
    with pytest.raises(ControlInvalid, match=said):
        Control(**values)  # type: ignore[arg-type]

"""Commands about nodes: what they must say, and how long they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.control import ControlInvalid
from gateway.core.node_change import NodeChange


def change(**facts: object) -> NodeChange:
    said = {"pool": "primary", "node": "http://one", "action": "drain", "author": "on duty", "reason": "new disk"}
    return NodeChange(**{**said, **facts})  # type: ignore[arg-type]


def test_a_drain_holds_until_its_end_or_for_good() -> None:
    """Without an end it holds until the node is enabled; with one it ends by itself."""
    assert change().drains(1e12)
    assert change(until=100.0).drains(99.0)
    assert not change(until=100.0).drains(100.0)
    assert not change(action="enable").drains(0.0)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"action": "kill"}, "action"),
        ({"author": " "}, "author"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 301}, "300"),
    ],
)
def test_a_command_without_author_or_reason_is_refused(facts: dict[str, object], said: str) -> None:
    """The others must know who did what and why."""
    with pytest.raises(ControlInvalid, match=said):
        change(**facts)


@given(st.text(min_size=1, max_size=100).filter(str.strip), st.floats(0, 1e12))
def test_it_is_read_as_it_was_written(author: str, until: float) -> None:
    """The stored form loses nothing."""
    written = change(author=author, until=until)
    assert NodeChange.from_bytes(written.to_bytes()) == written


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff", b'{"pool":"a","node":"b","action":"drain"}', b'"x"'])
def test_what_is_not_a_command_is_none(raw: bytes) -> None:
    """Something else in the store changes no node."""
    assert NodeChange.from_bytes(raw) is None

"""Names go into keys, tokens, metrics and URLs, so they are plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.names import check_name


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True))
def test_plain_names_pass(name: str) -> None:
    """A lower-case letter and up to 31 letters, digits, dashes and underscores are a name."""
    assert check_name("room", name) == name


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "a:b", "a{b}", "a|b", "é", "a" * 33, "a\n"])
def test_other_names_are_refused_with_the_rule(name: str) -> None:
    """What could end a key, a token field or a label is refused, with the kind and the rule."""
    with pytest.raises(ValueError, match=r"lane name .*: expected a lower-case letter"):
        check_name("lane", name)

"""Limits of connections."""

from typing import Any

import pytest

from gateway.core.connection_policy import ConnectionPolicy


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"head_timeout": 0.0}, "head_timeout"),
        ({"send_timeout": -1.0}, "send_timeout"),
        ({"request_timeout": -1.0}, "request_timeout"),
        ({"per_address": -1}, "per_address"),
        ({"slowest": 0}, "slowest"),
        ({"max_line": 100}, "max_line"),
        ({"max_field": 70_000}, "max_field"),
        ({"max_fields": 5}, "max_fields"),
        ({"max_connections": 0}, "max_connections"),
    ],
)
def test_a_limit_that_makes_no_sense_is_named(wrong: dict[str, Any], said: str) -> None:
    """The message says which key it is."""
    with pytest.raises(ValueError, match=said):
        ConnectionPolicy(**wrong)


def test_the_watch_looks_often_enough_for_the_shortest_limit() -> None:
    """A tenth of it, within bounds: limits of seconds are kept to half a second."""
    assert ConnectionPolicy().look == 0.5
    assert ConnectionPolicy(head_timeout=2.0).look == 0.2
    assert ConnectionPolicy(head_timeout=0.01).look == 0.01

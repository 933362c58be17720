"""Fixtures of the integration tests: a portal of real processes, ended after each test."""

from collections.abc import Iterator

import pytest

from tests.integration.portal import Gateway, Portal, opened_portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A folder in which backends and gateways can be started."""
    with opened_portal() as opened:
        yield opened


@pytest.fixture
def gateway(portal: Portal) -> Gateway:
    """A gateway in front of a small backend; its room is paused until the test says otherwise."""
    portal.start_backend("--workers", 1, "--service-time", "100ms")
    started = portal.start_gateway()
    started.control("pause")
    return started

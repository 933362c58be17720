"""Three gateways whose clocks disagree by ten seconds call and admit at the set rate: only the store's clock counts."""

import asyncio

import pytest

from tests.bench.clocks import SKEWS, hold, skew, skewed_gateways
from tests.integration.portal import Portal

pytestmark = pytest.mark.integration

RATE = 20.0
TICK = 0.1


def test_skewed_clocks_do_not_move_the_rate(portal: Portal) -> None:
    """For fifteen seconds calls are within a tick's worth of the rate, and admissions follow them within half a second.

    `make bench PART=clocks` does the same for a minute, in which the errors at both ends weigh less than 1 %.
    """
    with skewed_gateways(portal) as gateways:
        assert [skew(gateway) for gateway in gateways] == pytest.approx(SKEWS, abs=2.0)
        held = asyncio.run(hold(portal, gateways, RATE, 15.0))
    wanted = held.rate * held.seconds
    assert held.leaders == 1
    assert held.calls == pytest.approx(wanted, rel=0.01, abs=2 * RATE * TICK + 1), held
    assert held.claims == pytest.approx(wanted, rel=0.01, abs=RATE * 0.5), held

"""A node that came back gets its load by and by."""

import pytest

from gateway.core.slow_start import FIRST, SlowStart


def test_the_share_grows_from_the_first_part_to_the_whole() -> None:
    """From FIRST it rises in a straight line to 1 after the set time."""
    ramp = SlowStart(10.0)
    assert ramp.share(0.0) == 1.0
    ramp.begin(100.0)
    assert ramp.share(100.0) == FIRST
    assert ramp.share(105.0) == pytest.approx(0.5)
    assert ramp.share(110.0) == 1.0


def test_zero_switches_it_off() -> None:
    """Without a time the whole limit is there at once."""
    ramp = SlowStart(0.0)
    ramp.begin(5.0)
    assert ramp.share(5.0) == 1.0

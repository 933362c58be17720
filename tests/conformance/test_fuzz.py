"""A short run of the fuzzer (`make proof` has the long one), and what it has found once."""

import pytest

from tests.conformance.fuzz import fuzz

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_sent_nothing_breaks(seed: int) -> None:
    """Several hundred connections with requests and answers that are nearly HTTP."""
    assert await fuzz(seed, seconds=20, most=480) == 480

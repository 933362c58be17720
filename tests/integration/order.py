"""What the tests know of a queue's order: places by visitor, and who was let in before whom."""

import time
from collections.abc import Sequence

import pytest

from tests.integration.visitor import Visitor


def places(crowd: Sequence[Visitor]) -> list[tuple[int, int]]:
    """Number and position of each visitor, who must still be waiting."""
    seen = [visitor.queue() for visitor in crowd]
    return [(place["number"], place["position"]) for place in seen]


def let_in(crowd: Sequence[Visitor], deadline: float = 20.0) -> list[int]:
    """Ask until all are in and return the round in which each got in.

    Each round asks the last comer first. If calls are in order, whoever came earlier is found in by the same
    round at the latest, so the rounds never fall from one visitor to an earlier one.
    """
    rounds: dict[int, int] = {}
    end, number = time.monotonic() + deadline, 0
    while len(rounds) < len(crowd):
        if time.monotonic() > end:
            pytest.fail(f"only {len(rounds)} of {len(crowd)} were let in within {deadline:g} s")
        number += 1
        for index in sorted(set(range(len(crowd))) - rounds.keys(), reverse=True):
            status = crowd[index].ask().status
            assert status in (200, 503)
            if status == 200:
                rounds[index] = number
        time.sleep(0.02)
    return [rounds[index] for index in range(len(crowd))]


def in_order(rounds: Sequence[int]) -> bool:
    """Whether nobody was let in before somebody who had come earlier."""
    return list(rounds) == sorted(rounds)

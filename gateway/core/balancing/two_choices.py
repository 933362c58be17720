"""Power of two choices: of two nodes drawn at random, the one that is used less goes first.

Load is inflight / limit, so that a node with a larger learned limit takes more. Two random choices avoid
both the herd on the emptiest node and the blindness of round robin (Mitzenmacher 2001). Chance is an argument.
"""

from collections.abc import Sequence


def choose(loads: Sequence[float], first: float, second: float) -> int:
    """Return the place in `loads` of the node to use; there is at least one, 1 is full.

    `first` and `second` are uniform in [0, 1).
    """
    if len(loads) == 1:
        return 0
    one = int(first * len(loads))
    other = int(second * (len(loads) - 1))
    other += other >= one
    return one if loads[one] <= loads[other] else other

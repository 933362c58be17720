"""When visits begin: a Poisson process that follows a curve, the same for the same seed.

Lewis and Shedler's thinning: candidates come at the highest rate with exponential gaps, and a candidate
at time t stays with probability rate(t) / highest. What stays is a Poisson process with exactly the
rate of the curve, so arrivals are open-loop: nobody comes later because somebody else is still being
served.
"""

from collections.abc import Iterator
from random import Random

from loadtests.shapes.curve import Curve


def arrivals(curve: Curve, chance: Random) -> Iterator[float]:
    """The instants, in order, at which visits begin; about `curve.visits()` of them."""
    highest = curve.highest
    if highest <= 0:
        return
    at = chance.expovariate(highest)
    while at <= curve.seconds:
        if chance.random() * highest < curve.rate(at):
            yield at
        at += chance.expovariate(highest)

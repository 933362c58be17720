"""The mornings of the simulation of waits; `make bench PART=waits` prints what came of each."""

from collections.abc import Callable
from math import exp, pi, sin

from tests.sim.waiting import Morning, Told

SCALE = 0.3
"""Size of the portal: 3 visits/s can be let in where the numbers below say 10."""
Rate = Callable[[float], float]


def hump(top: float, at: float, width: float, base: float = 1.0) -> Rate:
    """Demand that rises to `top` visits/s at a second and falls again."""
    return lambda t: SCALE * (base + (top - base) * exp(-(((t - at) / width) ** 2)))


def steps(*parts: tuple[float, float]) -> Rate:
    """A rate that changes at given seconds: (from, rate), ..."""
    return lambda t: SCALE * [rate for begin, rate in parts if begin <= t][-1]


def wave(middle: float, swing: float, period: float) -> Rate:
    """A rate that swings around its middle."""
    return lambda t: SCALE * (middle + swing * sin(2 * pi * t / period))


PEAK, TEN = hump(22, 400, 220), steps((0, 10.0))
TESTED = (
    Morning(
        name="an opening, all at once", seconds=1000, arrivals=hump(80, 60, 40, 4), capacity=steps((0, 8.0)), plan=None
    ),
    Morning(
        name="capacity halves and comes back",
        seconds=1500,
        arrivals=hump(16, 500, 350, 4),
        capacity=steps((0, 10.0), (450, 5.0), (1000, 12.0)),
        plan=None,
    ),
    Morning(
        name="a planned backup opens", seconds=1300, arrivals=hump(24, 400, 250), capacity=steps((0, 8.0), (480, 14.0))
    ),
    Morning(name="two lanes", seconds=1300, arrivals=PEAK, capacity=TEN, urgent=0.2),
    Morning(
        name="half leave, a third misses its turn",
        seconds=1300,
        arrivals=hump(30, 400, 250),
        capacity=steps((0, 9.0)),
        plan=None,
        leavers=0.5,
        no_shows=0.3,
        patience=150.0,
    ),
    Morning(
        name="a cold start without a plan",
        seconds=1100,
        arrivals=hump(20, 200, 200, 6),
        capacity=lambda t: SCALE * min(10.0, 2.0 + t / 30),
        plan=None,
    ),
)
FURTHER = (
    Morning(name="a peak with a good plan", seconds=1300, arrivals=PEAK, capacity=TEN),
    Morning(name="a plan too high by 1.4", seconds=1300, arrivals=PEAK, capacity=TEN, plan=1.4),
    Morning(name="a plan too low by 0.7", seconds=1300, arrivals=PEAK, capacity=TEN, plan=0.7),
    Morning(name="waves", seconds=1800, arrivals=wave(11, 8, 400), capacity=wave(10, 2, 314), plan=None),
)


def add(whole: Told, told: Told) -> None:
    """Add what came of one morning to the sum of several."""
    whole.inside += told.inside
    whole.earlier += told.earlier
    whole.later += told.later
    whole.unknown += told.unknown
    whole.errors += told.errors


def row(name: str, told: Told) -> str:
    """Return one line of the table."""
    inside, later, error, unknown = told.figures()
    return f"| {name} | {told.known:,} | {inside:.2f} | {later:.2f} | {error:.2f} | {unknown:.3f} |"

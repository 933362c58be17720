"""Built-in shapes of a peak, each of height 1 over one second, to be scaled and stretched.

`morning-peak` is a real one: the mean weekday between 04:00 and 13:00 local time in the NASA request
counts of July 1995 that ship with the project, in quarters of an hour. The trace has foreign visitors
at night, which a regional clinic has not, so the quietest quarter is taken as `QUIET` of the busiest
and the rest in proportion between the two.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from math import exp
from statistics import fmean

from loadtests.inputs import BadInput
from loadtests.shapes.curve import Curve

QUIET = 0.1
_FIRST_HOUR, _LAST_HOUR = 4, 13
_TRACE_ZONE = timezone(timedelta(hours=-4))
_TRACE = "nasa_jul95_15min.csv.gz"
_OPENING_AT = 0.2
_OPENING_DECAY = 0.25
_STEPS = 60


def profile(name: str) -> Curve:
    """The shape of that name with height 1 and length 1 s; BadInput lists the names there are."""
    if name not in PROFILES:
        raise BadInput(f"PROFILE: expected one of {', '.join(PROFILES)}, got {name!r}")
    return PROFILES[name]()


def morning_peak() -> Curve:
    """A real weekday morning, from the quiet before dawn over the rush to the plateau of late morning."""
    quarters: defaultdict[int, list[float]] = defaultdict(list)
    source = files("forecasting") / "sample" / _TRACE
    with source.open("rb") as packed, gzip.open(packed, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            local = datetime.fromisoformat(row["ds"]).astimezone(_TRACE_ZONE)
            if local.weekday() < 5 and row["y"] and _FIRST_HOUR <= local.hour < _LAST_HOUR:
                quarters[local.hour * 4 + local.minute // 15].append(float(row["y"]))
    means = [fmean(counts) for _, counts in sorted(quarters.items())]
    low, high = min(means), max(means)
    rates = [QUIET + (1 - QUIET) * (mean - low) / (high - low) for mean in means]
    return Curve(tuple((n / (len(rates) - 1), rate) for n, rate in enumerate(rates)))


def steady() -> Curve:
    """The same rate from beginning to end."""
    return Curve(((0.0, 1.0), (1.0, 1.0)))


def step() -> Curve:
    """A third at a fifth of the height, a third at full height, a third back again."""
    return Curve(((0.0, 0.2), (0.333, 0.2), (0.334, 1.0), (0.666, 1.0), (0.667, 0.2), (1.0, 0.2)))


def opening() -> Curve:
    """A known opening: few come early, then everybody at once, then the rush dies away."""
    decay = [n / _STEPS for n in range(_STEPS + 1)]
    rush = [
        (_OPENING_AT + 0.002 + (0.998 - _OPENING_AT) * x, QUIET + (1 - QUIET) * exp(-x / _OPENING_DECAY)) for x in decay
    ]
    return Curve(((0.0, QUIET), (_OPENING_AT, QUIET), *rush))


PROFILES: dict[str, Callable[[], Curve]] = {
    "morning-peak": morning_peak,
    "steady": steady,
    "step": step,
    "opening": opening,
}

"""The day that is played at full length: the busiest one of the shipped trace, with its rush, as a million visits.

13 July 1995 had a start of a space shuttle: from 12:15 to 14:15 UTC the arrivals are two to three times the day's mean.
"""

import csv
import gzip

from forecasting.sources.sample import sample_series
from gateway.core.lanes import LanePolicy
from tests.sim.day import Day, DayOutcome, State

LANES = {
    "urgent": LanePolicy(target_wait=60.0),
    "regular": LanePolicy(target_wait=600.0),
    "other": LanePolicy(target_wait=1800.0),
}
MIX = {"urgent": 0.1, "regular": 0.7, "other": 0.2}
ENOUGH = ((0.0, 16.0), (10.0, 22.0), (12.0, 26.0), (14.75, 20.0), (22.0, 14.0))
"""Visits/s by hour with which every lane can keep its target, although the rush exceeds them for an hour and a half."""
TOO_LITTLE = ((0.0, 16.0), (12.0, 12.0), (13.0, 24.0), (22.0, 14.0))
"""Half of the capacity is lost in the first hour of the rush: no order of calls could keep the targets."""


def real_day(
    visitors: int, capacity: tuple[tuple[float, float], ...], seed: int = 1, hours: tuple[int, int] = (0, 24)
) -> Day:
    """Return the day with so many visitors, or some hours of it with their part of them.

    Capacity is that of a million and shrinks with the visitors of the whole day.
    """
    with gzip.open(sample_series(), "rt", encoding="ascii") as lines:
        whole = tuple(float(row["y"]) for row in csv.DictReader(lines) if row["ds"].startswith("1995-07-13"))
    begin, end = hours
    shape = whole[4 * begin : 4 * end]
    part = visitors / 1_000_000
    # What holds at the beginning is the last of what began before it.
    before = [(0.0, rate) for hour, rate in capacity if hour <= begin][-1:]
    later = [(hour - begin, rate) for hour, rate in capacity if begin < hour < end]
    return Day(
        visitors=round(visitors * sum(shape) / sum(whole)),
        shape=shape,
        capacity=tuple((hour, rate * part) for hour, rate in (*before, *later)),
        lanes=LANES,
        mix=MIX,
        seed=seed,
    )


def table(day: Day, outcome: DayOutcome) -> str:
    """Return waits per lane and what became of everybody, as Markdown."""
    head = (
        "| lane | target | admitted | median wait | P90 | longest | within the target | longest time without a call |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for name, lane in outcome.lanes.items():
        target = day.lanes[name].target_wait
        waits = " | ".join(f"{lane.wait(quantile):.0f} s" for quantile in (0.5, 0.9, 1.0))
        within = f"{lane.within(target):.2%} | {lane.longest_drought:.0f} s"
        lines.append(f"| {name} | {target:.0f} s | {len(lane.waits):,} | {waits} | {within} |")
    people = ", ".join(f"{outcome.states[state]:,} {state.name.lower()}" for state in State)
    twice = f"{outcome.double_admissions} admitted twice, {outcome.called_twice} called twice"
    faults = f"{outcome.inversions} inversions, {twice}, {outcome.unaccounted} unaccounted for"
    return "\n".join([*lines, "", f"{people}; {faults}; most waiting {outcome.most_waiting:,}"])

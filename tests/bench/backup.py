"""What a forecast is worth to a cold backup, and what a wrong one costs: whole simulated mornings, the same for all.

The backup needs 60 s from its first request until it is warm. The peak is five times the primary's capacity; the
forecast knows it, knows nothing, or errs by half. On the days of a false alarm the forecast sees the peak, and ordinary
traffic comes.
"""

import argparse
from dataclasses import replace
from statistics import median

from tests.sim.scenario import Outcome, Scenario
from tests.sim.world import play

MORNING = Scenario(
    name="a cold backup",
    curve=((0, 2), (90, 4), (110, 50), (150, 50), (170, 4), (260, 2)),
    rush=(110, 180),
    seconds=270,
    warmup=60.0,
)
FORECASTS = {"right": 1.0, "none": None, "half of the truth": 0.5, "half as much again": 1.5}
QUIET = replace(
    MORNING, name="a false alarm", curve=((0, 4), (260, 4)), forecast_curve=MORNING.curve, urgent=0.2, seconds=262
)


def booked(morning: Scenario, outcome: Outcome) -> float:
    """Return the visits booked in the rush over what all pools, warm, can finish in it."""
    return outcome.booked_between(*morning.rush) / morning.rush_capacity()


def backup_share(outcome: Outcome) -> float:
    """Return the part of the admitted visits that the backup got."""
    return outcome.pools.get("backup", 0) / max(1, outcome.admitted)


def spread(values: list[float], form: str = ".3f") -> str:
    """Return median and range."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    """Play the mornings and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(1, parser.parse_args().seeds + 1)
    mornings = {
        name: [replace(MORNING, forecast_error=error, seed=s) for s in seeds] for name, error in FORECASTS.items()
    }
    shares = {name: [booked(m, play(m)) for m in played] for name, played in mornings.items()}
    print("| forecast | booked / capacity of both pools | against no forecast, same morning |\n|---|---|---|")
    for name, values in shares.items():
        gains = [value / base - 1 for value, base in zip(values, shares["none"], strict=True)]
        print(f"| {name} | {spread(values)} | {spread(gains, '+.1%')} |", flush=True)
    print("\n| ordinary day | visits that went to the backup |\n|---|---|")
    for name, error in (("with a false alarm", 1.0), ("without", None)):
        parts = [backup_share(play(replace(QUIET, forecast_error=error, seed=s))) for s in seeds]
        print(f"| {name} | {spread(parts)} |", flush=True)


if __name__ == "__main__":
    main()

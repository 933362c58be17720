"""How much worse forecasts become when the history is dirty: faults that logs have, put into real series.

    make bench PART=dirt ARGS="--data traces/ --country US"

Each fault lies in the history of every scored fold: it ends 36 hours before the first of twelve days that are
forecast a day ahead (the shift goes on). The ratio is WAPE over that of seasonal naive on the same dirty series; as a
fault that hurts copying as much would not show in it, the model's own WAPE over the one on clean data stands below.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from forecasting.core.backtest import Issued, issue, plan_folds
from forecasting.core.metrics import wape
from forecasting.core.series import FloatArray, Series
from forecasting.core.spans import DAY, HOUR
from forecasting.fitting import name_of
from forecasting.models.catalogue import BASELINE, DEFAULT, forecaster
from forecasting.models.holiday_calendar import calendar_for
from forecasting.options import series_paths
from forecasting.processes import side_by_side
from forecasting.sources.csv_series import read_csv

SHIPPED = Path(__file__).parents[2] / "forecasting" / "sample" / "nasa_jul95_15min.csv.gz"
FOLDS, BEFORE = 12, 36


def _filled(values: FloatArray, end: int, hours: int, change: Callable[[FloatArray], FloatArray | float]) -> None:
    values[end - hours : end] = change(values[end - hours : end])


def dirty(series: Series, fault: str, first: int) -> Series:
    """Return the hourly series with a fault that ends `BEFORE` hours before the bin `first`."""
    values, end = series.values.copy(), first - BEFORE
    match fault:
        case "zeros 6 h":
            _filled(values, end, 6, lambda _old: 0.0)
        case "missing 6 h":
            _filled(values, end, 6, lambda _old: np.nan)
        case "spike x4 2 h":
            _filled(values, end, 2, lambda old: old * 4)
        case "gap of a week":
            _filled(values, end, 168, lambda _old: np.nan)
        case "shift x1.6":
            values[end:] *= 1.6
        case _:
            pass
    return replace(series, values=values)


FAULTS = ("clean", "zeros 6 h", "missing 6 h", "spike x4 2 h", "gap of a week", "shift x1.6")


def _wape(issued: tuple[Issued, ...]) -> float:
    return wape(np.concatenate([f.actual for f in issued]), np.concatenate([f.point for f in issued]))


def measure(job: tuple[Path, str, str | None, str]) -> tuple[str, str, float, float]:
    """Return series, fault, WAPE of the model and of the baseline."""
    path, fault, country, zone = job
    series = read_csv(path).summed(HOUR)
    first = len(series) - FOLDS * 24
    spoiled = dirty(series, fault, first)
    plan = plan_folds(spoiled, horizon=24, folds=FOLDS, warm_up=0)
    calendar = calendar_for(country=country, zone=zone, begin=series.start, end=series.end + DAY)
    own, bar = (_wape(issue(forecaster(name), spoiled, calendar, plan)) for name in (DEFAULT, BASELINE))
    return name_of(path), fault, own, bar


def main() -> None:
    """Measure every fault on every series and print two tables."""
    parser = argparse.ArgumentParser(prog="make bench PART=dirt", description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", default=[SHIPPED], help="CSV files or folders of them")
    parser.add_argument("--country", default=None)
    parser.add_argument("--timezone", default="UTC")
    given = parser.parse_args()
    paths = series_paths(given.data)
    jobs = [(path, fault, given.country, given.timezone) for path in paths for fault in FAULTS]
    measured = list(side_by_side(measure, jobs, workers=2, on_done=lambda done, total: None))
    found = {(name, fault): (own, bar) for name, fault, own, bar in measured}
    names = list(dict.fromkeys(name for name, _ in found))
    print(f"| series | {' | '.join(FAULTS)} |\n|---|{'---|' * len(FAULTS)}")
    for name in names:
        ratios = [found[name, fault][0] / found[name, fault][1] for fault in FAULTS]
        print(f"| {name} | {' | '.join(f'{ratio:.3f}' for ratio in ratios)} |")
    means = [float(np.exp(np.mean([np.log(found[n, f][0] / found[n, f][1]) for n in names]))) for f in FAULTS]
    print(f"| geometric mean | {' | '.join(f'{mean:.3f}' for mean in means)} |\n")
    worse = [float(np.exp(np.mean([np.log(found[n, f][0] / found[n, "clean"][0]) for n in names]))) for f in FAULTS]
    print(f"own WAPE over clean: {', '.join(f'{f} {w:.3f}' for f, w in zip(FAULTS, worse, strict=True))}")


if __name__ == "__main__":
    main()

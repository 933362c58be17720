"""What the correction by live counts is worth: day-ahead forecasts of real series, followed minute by minute.

    make bench PART=correction ARGS="--data traces/ --country US"

At the end of each of twelve days the combination forecasts the next one. The gateway's own `LiveForecast` follows it
with the arrivals of each minute, spread evenly over their bin, and its factor at the begin of each step is what a
gateway would have used. Series in bins of an hour and wider are left out: the correction lives within the hour.
"""

import argparse
from pathlib import Path

import numpy as np

from forecasting.core.backtest import Issued, issue, plan_folds
from forecasting.core.intervals import calibrate
from forecasting.core.metrics import wape
from forecasting.core.series import Series
from forecasting.core.spans import DAY, HOUR
from forecasting.fitting import name_of
from forecasting.models.catalogue import DEFAULT, forecaster
from forecasting.models.holiday_calendar import calendar_for
from forecasting.options import series_paths
from forecasting.processes import side_by_side
from forecasting.publish import build_record
from forecasting.sources.csv_series import read_csv
from gateway.core.live_forecast import MINUTE, LiveForecast

SHIPPED = Path(__file__).parents[2] / "forecasting" / "sample" / "nasa_jul95_15min.csv.gz"
FOLDS = 12


def factors(folds: tuple[Issued, ...], series: Series) -> np.ndarray:
    """Return the factor that held at the begin of every step of the folds, one after the other."""
    live, joined, found = LiveForecast(), 0.0, []
    for fold in folds:
        band = calibrate(np.zeros(0), np.zeros(0)).forecast(fold.times, series.step, fold.point)
        live.take(
            build_record(
                band, room="r", version="v", model=DEFAULT, made_at=fold.cutoff, age_limit=2 * DAY, capacity={}
            )
        )
        for at, came in zip(fold.times.tolist(), np.nan_to_num(fold.actual).tolist(), strict=True):
            found.append(live.factor(0.0))
            for minute in range(round(series.step / MINUTE)):
                live.observe("e", round(joined), at + minute * MINUTE)
                joined += came * MINUTE / series.step
    return np.array(found)


def measure(job: tuple[Path, str | None, str]) -> tuple[str, float, float]:
    """Return series, WAPE a day ahead, and the same with the factors."""
    path, country, zone = job
    series = read_csv(path)
    plan = plan_folds(series, horizon=round(DAY / series.step), folds=FOLDS, warm_up=0)
    calendar = calendar_for(country=country, zone=zone, begin=series.start, end=series.end + DAY)
    folds = issue(forecaster(DEFAULT), series, calendar, plan)
    actual, point = (np.concatenate([getattr(fold, name) for fold in folds]) for name in ("actual", "point"))
    return name_of(path), wape(actual, point), wape(actual, point * factors(folds, series))


def main() -> None:
    """Measure every series and print a table."""
    parser = argparse.ArgumentParser(prog="make bench PART=correction", description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", default=[SHIPPED], help="CSV files or folders of them")
    parser.add_argument("--country", default=None)
    parser.add_argument("--timezone", default="UTC")
    given = parser.parse_args()
    paths = [path for path in series_paths(given.data) if read_csv(path).step < HOUR]
    jobs = [(path, given.country, given.timezone) for path in paths]
    found = list(side_by_side(measure, jobs, workers=2, on_done=lambda done, total: None))
    print("| series | WAPE a day ahead | corrected every minute | ratio |\n|---|---|---|---|")
    for name, plain, corrected in found:
        print(f"| {name} | {plain:.3f} | {corrected:.3f} | {corrected / plain:.3f} |")
    print(f"\ngeometric mean of the ratios: {np.exp(np.mean([np.log(c / p) for _, p, c in found])):.3f}")


if __name__ == "__main__":
    main()

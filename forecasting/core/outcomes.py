"""What forecasts were worth that were really issued: scores by day, drift against the backtest, the band of today.

Everything is in arrivals per step. A day is one of the local time of the calendar. Peak off is how far the
busiest hour of a day was away from the one that was forecast; drift is the WAPE of the last week over that of the
backtest when the model was fitted.
"""

from dataclasses import dataclass

import numpy as np

from forecasting.core import metrics
from forecasting.core.backtest import Issued, calibrations
from forecasting.core.calendar import Calendar
from forecasting.core.intervals import Calibration
from forecasting.core.series import BoolArray, FloatArray, IntArray
from forecasting.core.spans import DAY, HOUR

RECENT = 7
"""Days that drift is judged by."""
FEWEST_STEPS = 24
DRIFTED, BIASED = 1.3, 0.2
COVERED = (0.65, 0.92)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """Steps of one room, as issued and as they came; counts per step of `step` seconds."""

    times: FloatArray
    step: float
    made_at: FloatArray
    q10: FloatArray
    q50: FloatArray
    q90: FloatArray
    q95: FloatArray
    corrected: FloatArray
    actual: FloatArray

    def __len__(self) -> int:
        return len(self.times)

    def in_order(self) -> "Outcomes":
        """Return the steps in order of time, each once, the last written counting."""
        order = np.argsort(self.times, kind="stable")
        last = np.concatenate((np.diff(self.times[order]) > 0, [True]))
        return self.where(order[last])

    def where(self, chosen: BoolArray | IntArray) -> "Outcomes":
        """Return the chosen steps."""
        return Outcomes(step=self.step, **{name: getattr(self, name)[chosen] for name in COLUMNS})


COLUMNS = ("times", "made_at", "q10", "q50", "q90", "q95", "corrected", "actual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Scores over some steps; NaN where they cannot be told. Bias above 0: more was forecast than came."""

    steps: int
    wape: float
    corrected_wape: float
    bias: float
    coverage: float
    under_q95: float
    peak_off_seconds: float
    peak_error: float


def worth(outcomes: Outcomes, calendar: Calendar) -> Worth:
    """Score outcomes; the peak error is the mean over whole days of |forecast - actual| / actual in the peak hour."""
    if not len(outcomes):
        nan = float("nan")
        return Worth(
            steps=0, wape=nan, corrected_wape=nan, bias=nan, coverage=nan, under_q95=nan, peak_off_seconds=nan,
            peak_error=nan,
        )  # fmt: skip
    actual, total = outcomes.actual, float(outcomes.actual.sum())
    off, errors = _peaks(outcomes, calendar)
    return Worth(
        steps=len(outcomes),
        wape=metrics.wape(actual, outcomes.q50),
        corrected_wape=metrics.wape(actual, outcomes.corrected),
        bias=float((outcomes.q50 - actual).sum()) / total if total > 0 else float("nan"),
        coverage=metrics.coverage(actual, outcomes.q10, outcomes.q90),
        under_q95=metrics.coverage(actual, np.zeros(len(actual)), outcomes.q95),
        peak_off_seconds=float(np.mean(off)) if off else float("nan"),
        peak_error=float(np.mean(errors)) if errors else float("nan"),
    )


def by_day(outcomes: Outcomes, calendar: Calendar) -> list[tuple[float, Worth]]:
    """Return the begin of each local day, as seconds that read like UTC, and its scores."""
    days = np.floor(calendar.local(outcomes.times) / DAY)
    return [(day * DAY, worth(outcomes.where(days == day), calendar)) for day in np.unique(days).tolist()]


def band_of(outcomes: Outcomes, calendar: Calendar) -> Calibration | None:
    """Return the band learned from what was issued, as the backtest learns it, a day at a time; None of too little."""
    days = np.floor(calendar.local(outcomes.times) / DAY)
    parts = [outcomes.where(days == day) for day in np.unique(days).tolist()]
    issued = [Issued(cutoff=float(p.made_at[0]), times=p.times, actual=p.actual, point=p.q50) for p in parts]
    whole = [fold for fold in issued if len(fold.times) * outcomes.step >= DAY / 2]
    return calibrations(whole)[-1] if len(whole) >= 2 else None


def alarms(recent: Worth, expected_wape: float | None) -> list[str]:
    """Return what is wrong with the forecasts of the last week, in sentences; nothing where all is well."""
    if recent.steps < FEWEST_STEPS:
        return []
    found = []
    if expected_wape and recent.wape > DRIFTED * expected_wape:
        found.append(
            f"the error has grown: WAPE {recent.wape:.3f} in the last week, {expected_wape:.3f} in the backtest; "
            "fit again"
        )
    if abs(recent.bias) > BIASED:
        word = "more" if recent.bias > 0 else "fewer"
        found.append(f"{abs(recent.bias):.0%} {word} arrivals are forecast than come")
    if not COVERED[0] <= recent.coverage <= COVERED[1]:
        found.append(f"the 80 % band covers {recent.coverage:.0%}; publish with --issued learns it anew")
    return found


def _peaks(outcomes: Outcomes, calendar: Calendar) -> tuple[list[float], list[float]]:
    local = calendar.local(outcomes.times)
    days, hours = np.floor(local / DAY), np.floor(local / HOUR) % 24
    off, errors = [], []
    for day in np.unique(days).tolist():
        within = days == day
        if np.count_nonzero(within) * outcomes.step < 0.9 * DAY:
            continue
        came = np.bincount(hours[within].astype(np.int64), outcomes.actual[within], 24)
        due = np.bincount(hours[within].astype(np.int64), outcomes.q50[within], 24)
        peak = int(np.argmax(came))
        if came[peak] > 0:
            off.append(HOUR * abs(peak - int(np.argmax(due))))
            errors.append(float(abs(due[peak] - came[peak]) / came[peak]))
    return off, errors

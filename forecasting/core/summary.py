"""Scores of models over many series: one line a model, so that models can be compared at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.core.backtest import Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A model over the series that it could be scored on; `ratio` is the geometric mean, the rest are plain means.

    `worst` is the largest ratio, `wins` counts ratios below 1; coverage is that of the 80 % band.
    """

    model: str
    series: int
    ratio: float
    worst: float
    wins: int
    coverage: float
    least_coverage: float
    most_coverage: float
    under_q95: float


def summarise(scores: Sequence[Sequence[Score]]) -> tuple[Summary, ...]:
    """Return one summary a model, in the order of the first series; models without a ratio anywhere are left out."""
    names = dict.fromkeys(score.model for each in scores for score in each)
    found = {name: [s for each in scores for s in each if s.model == name and s.ratio > 0] for name in names}
    return tuple(_summary(name, of) for name, of in found.items() if of)


def _summary(name: str, scores: Sequence[Score]) -> Summary:
    ratios = np.array([score.ratio for score in scores])
    covered = np.array([score.coverage for score in scores])
    return Summary(
        model=name,
        series=len(scores),
        ratio=float(np.exp(np.mean(np.log(ratios)))),
        worst=float(ratios.max()),
        wins=int(np.count_nonzero(ratios < 1)),
        coverage=float(covered.mean()),
        least_coverage=float(covered.min()),
        most_coverage=float(covered.max()),
        under_q95=float(np.mean([score.under_q95 for score in scores])),
    )

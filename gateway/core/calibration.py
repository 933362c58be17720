"""Calibrated ranges: how far realised waits lie from what was said, learned from the ranges that were really shown.

A wait is estimated by its middle m; the range shown is m x exp(low) .. m x exp(high), rounded outward. The three
numbers (low, bias of the middle, high) of a horizon are moved after every realised wait by online quantile tracking,
which needs no assumption about the errors (adaptive conformal inference: I. Gibbs, E. Candes, NeurIPS 2021):

    high += pace x (1 - miss)  if the wait was longer than shown,   high -= pace x miss  if not

so in the long run a share `miss` of waits is longer than shown, whatever the middle gets wrong, and since what was
shown counts, rounding is part of it. Low is treated the same way from below. A wait that has outlived its range
counts as a miss at once, not when it ends.

Waits that overlap err together, by the same step of capacity, and are known only when they end. So the pace of
learning is one of time, not of visits: within the length of a wait all that end together move a bound by `PACE` at
most.

Short and long waits err differently, so each horizon learns by itself. Invariant: low < 0 < high, both bounded.
"""

from bisect import bisect
from dataclasses import dataclass, field
from math import exp, log

HORIZONS = (5.0, 20.0, 60.0, 300.0, 1800.0)
"""Middles in seconds at which another horizon begins."""
MISS = 0.08
PACE = 0.5
PACE_OF_BIAS = 0.06
LEAST, MOST, MOST_BIAS = 0.12, 1.6, 0.4
SHORTEST = 10.0
"""Least seconds of waits that end together; very short ones follow each other closely and err together."""


@dataclass(slots=True)
class Spread:
    """What one horizon has learned, as logarithms of ratios to the middle."""

    low: float = -0.4
    high: float = 0.26
    bias: float = 0.0
    learned_at: float | None = None

    def weight(self, raw: float, now: float) -> float:
        """Return the part of `PACE` that a wait of about `raw` seconds, which ends now, may move."""
        since = raw if self.learned_at is None else max(0.0, now - self.learned_at)
        self.learned_at = now
        return min(1.0, since / max(raw, SHORTEST))

    def learn(self, weight: float, *, earlier: bool, later: bool) -> None:
        """Take one realised wait: whether it was shorter or longer than shown."""
        pace = PACE * weight
        self.low = min(-LEAST, max(-MOST, self.low - pace * ((1 - MISS) if earlier else -MISS)))
        self.high = max(LEAST, min(MOST, self.high + pace * ((1 - MISS) if later else -MISS)))

    def centre(self, weight: float, middle: float, waited: float) -> None:
        """Move the middle towards where half of the waits are longer."""
        step = PACE_OF_BIAS * weight
        self.bias = max(-MOST_BIAS, min(MOST_BIAS, self.bias + (step if waited > middle else -step)))


@dataclass(slots=True)
class Calibration:
    """Owns the spreads of all horizons."""

    spreads: tuple[Spread, ...] = field(default_factory=lambda: tuple(Spread() for _ in range(len(HORIZONS) + 1)))

    def middle(self, raw: float) -> float:
        """Return the middle of a wait that was computed as `raw` seconds."""
        return raw * exp(self._of(raw).bias)

    def bounds(self, raw: float, *, wider: float = 0.0) -> tuple[float, float]:
        """Return low and high in seconds around the middle; `wider` adds to both sides, as a logarithm."""
        spread, middle = self._of(raw), self.middle(raw)
        return middle * exp(spread.low - wider), middle * exp(spread.high + wider)

    def learn(
        self, raw: float, waited: float, now: float, *, earlier: bool, later: bool, counted: bool = False
    ) -> None:
        """Take one realised wait, seconds, that was computed as `raw`; `counted`: it had been taken as outlived."""
        spread = self._of(raw)
        weight = spread.weight(raw, now)
        if not counted:
            spread.learn(weight, earlier=earlier, later=later)
        spread.centre(weight, self.middle(raw), waited)

    def outlived(self, raw: float, now: float) -> None:
        """A visit has waited longer than it was shown and waits on."""
        spread = self._of(raw)
        spread.learn(spread.weight(raw, now), earlier=False, later=True)

    def _of(self, raw: float) -> Spread:
        return self.spreads[bisect(HORIZONS, raw)]


def drained_after(ahead: float, rate: float, loss: float) -> float:
    """Return the seconds until `ahead` visits are gone at `rate` calls/s when each also gives up at `loss` per second.

    n' = -rate - loss x n from n(0) = ahead gives ln(1 + loss x ahead / rate) / loss.
    """
    return ahead / rate if loss * ahead < 1e-3 * rate else log(1 + loss * ahead / rate) / loss

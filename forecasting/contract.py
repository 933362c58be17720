"""The forecast record: all that the gateway knows of forecasting, and all that forecasting tells it.

The record is one JSON document per room. It is written whole (one SET with an age limit), so a
reader sees either the old plan or the new one, never half of each. The plan is kept plain: the admission rate is what
the pools can take less the headroom; the primary pool takes what it can, and backups share the rest in proportion to
their capacity as soon as the 90 % quantile of arrivals says that the primary pool will be short.

Times are seconds since the Unix epoch (UTC), rates are visits per second. Standard library only: the gateway imports
this module.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

FORMAT = 1
MAX_STEPS = 4096
MAX_BYTES = 2_000_000
PRIMARY = "primary"
DEFAULT_HEADROOM = 0.1


class RecordInvalid(ValueError):
    """The document is not a forecast record of a format that this version reads."""


def plan_key(room: str) -> str:
    """Return the store key under which the record of `room` is published."""
    return f"talon:{{{room}}}:plan"


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise RecordInvalid(f"format {found}; this version reads format {FORMAT}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Forecast and admission plan for `[at, at + step_seconds)`.

    `q10..q95` are quantiles of arriving visits per second; `admission_rate` is the planned number of
    visits called per second (None: not limited by the plan); `pool_share` gives each pool's share of
    admitted visits and sums to 1.
    """

    at: float
    q10: float
    q50: float
    q90: float
    q95: float
    admission_rate: float | None
    pool_share: Mapping[str, float]

    def __post_init__(self) -> None:
        quantiles = (self.q10, self.q50, self.q90, self.q95)
        if any(not 0 <= q < 1e9 for q in quantiles) or any(a > b + 1e-9 for a, b in pairwise(quantiles)):
            raise RecordInvalid(f"step at {self.at}: quantiles must be >= 0 and not fall: {quantiles}")
        if self.admission_rate is not None and not 0 <= self.admission_rate < 1e9:
            raise RecordInvalid(f"step at {self.at}: admission_rate must be >= 0 or null")
        if any(not 0 <= share <= 1 for share in self.pool_share.values()):
            raise RecordInvalid(f"step at {self.at}: every pool share must be in 0..1")
        if self.pool_share and abs(sum(self.pool_share.values()) - 1) > 1e-6:
            raise RecordInvalid(f"step at {self.at}: pool shares must sum to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRecord:
    """A published forecast with its plan; `state` is `ok`, or `no_forecast` with a `reason`."""

    room: str
    version: str
    model: str
    made_at: float
    expires_at: float
    step_seconds: float
    capacity: Mapping[str, float]
    steps: tuple[PlanStep, ...]
    state: str = "ok"
    reason: str = ""

    def __post_init__(self) -> None:
        if self.state not in ("ok", "no_forecast"):
            raise RecordInvalid(f"state must be ok or no_forecast, not {self.state!r}")
        if self.step_seconds <= 0 or self.expires_at <= self.made_at:
            raise RecordInvalid("step_seconds must be > 0 and expires_at after made_at")
        if len(self.steps) > MAX_STEPS:
            raise RecordInvalid(f"{len(self.steps)} steps; at most {MAX_STEPS} are read")
        if any(b.at <= a.at for a, b in pairwise(self.steps)):
            raise RecordInvalid("steps must be in rising order of time")

    def to_json(self) -> str:
        """Return the record as the JSON text that `from_json` reads back unchanged."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> "ForecastRecord":
        """Read a record; raises RecordInvalid with the first thing that is wrong."""
        if len(text) > MAX_BYTES:
            raise RecordInvalid(f"{len(text)} bytes; at most {MAX_BYTES} are read")
        try:
            document: dict[str, Any] = json.loads(text)
            fmt = document.pop("format")
            _check_format(fmt)
            steps = tuple(PlanStep(**step) for step in document.pop("steps"))
            return cls(steps=steps, **document)
        except RecordInvalid:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RecordInvalid(f"not a forecast record: {error}") from error

    def step_at(self, now: float) -> PlanStep | None:
        """Return the step that covers `now`, or None before the first and after the last."""
        low, high = 0, len(self.steps)
        while low < high:
            middle = (low + high) // 2
            if self.steps[middle].at <= now:
                low = middle + 1
            else:
                high = middle
        if low == 0 or now >= self.steps[low - 1].at + self.step_seconds:
            return None
        return self.steps[low - 1]


def planned(at: float, rates: Sequence[float], capacity: Mapping[str, float], *, headroom: float) -> PlanStep:
    """Return the plan for a step: rates are the quantiles q10, q50, q90, q95 of visits per second."""
    q10, q50, q90, q95 = rates
    return PlanStep(
        at=at, q10=q10, q50=q50, q90=q90, q95=q95,
        admission_rate=sum(capacity.values()) * (1 - headroom) if capacity else None,
        pool_share=pool_shares(q90, capacity, headroom=headroom),
    )  # fmt: skip


def replanned(step: PlanStep, factor: float, capacity: Mapping[str, float], *, at: float | None = None) -> PlanStep:
    """Return the plan for arrivals that are `factor` times those of a step, with the headroom it was planned with."""
    total = sum(capacity.values())
    headroom = DEFAULT_HEADROOM
    if step.admission_rate is not None and total > 0:
        headroom = min(max(1 - step.admission_rate / total, 0.0), 0.999)
    rates = [rate * factor for rate in (step.q10, step.q50, step.q90, step.q95)]
    return planned(step.at if at is None else at, rates, capacity, headroom=headroom)


def pool_shares(arrivals: float, capacity: Mapping[str, float], *, headroom: float) -> dict[str, float]:
    """Return the share of each pool for a rate of arrivals; the shares sum to 1, or there are none."""
    usable = {pool: limit * (1 - headroom) for pool, limit in capacity.items()}
    total = sum(usable.values())
    if not total > 0:
        return {pool: 1 / len(usable) for pool in usable}
    first = PRIMARY if PRIMARY in usable else next(iter(usable))
    served = min(arrivals, total)
    if served <= usable[first]:
        return {pool: float(pool == first) for pool in usable}
    spare = total - usable[first]
    own = usable[first] / served
    return {pool: own if pool == first else (1 - own) * usable[pool] / spare for pool in usable}

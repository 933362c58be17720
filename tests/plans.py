"""Forecast records of one pool, as short as tests need them."""

from forecasting.contract import ForecastRecord, PlanStep


def plan(begins: float, step: float, *parts: tuple[float, float | None]) -> ForecastRecord:
    """Return a record with steps of `step` seconds: visits/s that are expected, and visits/s that may be let in."""
    return ForecastRecord(
        room="booking",
        version="v",
        model="by hand",
        made_at=begins,
        expires_at=begins + 1e6,
        step_seconds=step,
        capacity={"primary": 10.0},
        steps=tuple(
            PlanStep(
                at=begins + number * step,
                q10=expected,
                q50=expected,
                q90=expected,
                q95=expected,
                admission_rate=rate,
                pool_share={"primary": 1.0},
            )
            for number, (expected, rate) in enumerate(parts)
        ),
    )

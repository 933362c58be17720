"""Advice to those who can come at another time: from when on the forecast expects nobody to wait for long.

That is the first moment from which, for an hour, the visits expected stay below what the plan lets in, with a margin.
No advice where the forecast ends before such an hour, where the plan knows no rate, or where it is quiet now.
"""

from forecasting.contract import ForecastRecord, PlanStep

LASTING = 3600.0
MARGIN = 0.1


def quieter_after(record: ForecastRecord | None, now: float) -> float | None:
    """Return the moment in seconds since the epoch, or None when there is nothing to advise."""
    if record is None:
        return None
    begins: float | None = None
    for step in record.steps:
        end = step.at + record.step_seconds
        if end <= now:
            continue
        if not _quiet(step):
            begins = None
            continue
        begins = max(step.at, now) if begins is None else begins
        if begins > now and end - begins >= LASTING:
            return begins
        if begins == now and end - begins >= LASTING:
            return None
    return None


def _quiet(step: PlanStep) -> bool:
    return step.admission_rate is not None and step.q50 <= (1 - MARGIN) * step.admission_rate

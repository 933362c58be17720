"""What the plan means for each pool: the most visits/s it lets in, and when the backups open."""

from collections.abc import Collection, Mapping

from forecasting.contract import ForecastRecord
from gateway.core.admission import AdmissionPolicy
from gateway.core.reports import Report
from gateway.core.spillover import Spillover, SpilloverFacts


def usable(record: ForecastRecord | None, now: float) -> ForecastRecord | None:
    """Return the record if it may be followed at `now`: ok and not expired."""
    if record is None or record.state != "ok" or now >= record.expires_at:
        return None
    return record


def short_within(record: ForecastRecord | None, backups: Collection[str], now: float, within: float) -> bool:
    """Whether the plan gives a backup a share at a step that is on now or begins within `within` seconds."""
    followed = usable(record, now)
    return followed is not None and any(
        share > 0 and name in backups
        for step in followed.steps
        if step.at <= now + within and step.at + followed.step_seconds > now
        for name, share in step.pool_share.items()
    )


def planned_rates(record: ForecastRecord | None, now: float, slack: float) -> Mapping[str, float]:
    """Return the visits/s by pool that a usable plan lets in at `now`, times `slack`; empty without one."""
    step = record.step_at(now) if record else None
    if record is None or step is None or step.admission_rate is None:
        return {}
    rate = step.admission_rate * slack / sum(record.capacity.values())
    return {pool: rate * capacity for pool, capacity in record.capacity.items()}


def open_backups(
    spillovers: Mapping[str, Spillover],
    totals: Report,
    record: ForecastRecord | None,
    policy: AdmissionPolicy,
    *,
    waiting: int,
    now: float,
) -> bool:
    """Step every backup with what is planned and what is measured at the primaries; returns whether those are full."""
    primaries = [reading for name, reading in totals.pools.items() if name not in spillovers]
    full = sum(r.inflight for r in primaries) >= policy.busy * sum(r.limit for r in primaries)
    full = full or any(reading.queue_wait >= policy.target_wait for reading in primaries)
    gone = [1.0 if not reading.healthy else reading.missing for reading in primaries]
    missing = sum(gone) / len(gone) if gone else 0.0
    for spillover in spillovers.values():
        facts = SpilloverFacts(
            forecast_short=short_within(record, spillovers, now, spillover.policy.warmup),
            primary_full=full,
            missing=missing,
            waiting=waiting,
        )
        spillover.step(facts, now)
    return full

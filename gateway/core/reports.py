"""What each gateway tells the others once a tick: its share of the load, so that the leader sees all of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.core.spillover import OpenReason

_WIRE = (
    *("inside", "inflight", "queued", "limit", "queue_wait", "healthy", "requests_per_s", "ended"),
    *("missing", "slowdown"),  # a gateway of an earlier version sends and reads none
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReading:
    """One pool as one gateway measures it: visits inside, requests at nodes and waiting, limit; waits in seconds.

    `missing` is the part of its nodes that is out of use, 0..1; `slowdown` how much slower they answer than when idle.
    """

    inside: float = 0.0
    inflight: float = 0.0
    queued: float = 0.0
    limit: float = 0.0
    queue_wait: float = 0.0
    healthy: bool = True
    requests_per_s: float = 0.0
    ended: int = 0
    missing: float = 0.0
    slowdown: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """By what the leader has called at `at`, seconds of the store's clock: what all gateways choose pools by.

    `windows` are visits by pool; `opened` are the backups that are open, with since when and why.
    """

    at: float = 0.0
    windows: Mapping[str, float] = field(default_factory=dict)
    opened: Mapping[str, tuple[float, OpenReason]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One gateway's measurements of a room; `ended` weighs its learned duration and requests per visit.

    `over` are the ids of visits that the backend has just ended, for the others to know. Only the leader has a `lead`.
    """

    pools: Mapping[str, PoolReading] = field(default_factory=dict)
    duration: float = 60.0
    requests: float = 6.0
    ended: int = 0
    over: tuple[str, ...] = ()
    lead: Lead | None = None

    def to_bytes(self) -> bytes:
        """Return the JSON form."""
        pools = {name: [*(getattr(r, field) for field in _WIRE)] for name, r in self.pools.items()}
        body: dict[str, Any] = {
            "pools": pools,
            "duration": self.duration,
            "requests": self.requests,
            "ended": self.ended,
        }
        if self.over:
            body["over"] = self.over
        if self.lead is not None:
            body["lead"] = self.lead.at, dict(self.lead.windows), dict(self.lead.opened)
        return json.dumps(body, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Report | None":
        """Read a report; None when it is not one (a newer gateway's, say)."""
        try:
            body: dict[str, Any] = json.loads(raw)
            pools = {
                name: PoolReading(
                    inside=float(r[0]),
                    inflight=float(r[1]),
                    queued=float(r[2]),
                    limit=float(r[3]),
                    queue_wait=float(r[4]),
                    healthy=bool(r[5]),
                    requests_per_s=float(r[6]),
                    ended=int(r[7]),
                    missing=float(r[8]) if len(r) > 8 else 0.0,
                    slowdown=float(r[9]) if len(r) > 9 else 1.0,
                )
                for name, r in body["pools"].items()
            }
            return cls(
                pools=pools,
                duration=float(body["duration"]),
                requests=float(body["requests"]),
                ended=int(body["ended"]),
                over=tuple(str(visit) for visit in body.get("over", ())),
                lead=_read_lead(*body["lead"]) if "lead" in body else None,
            )
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return None


def _read_lead(at: float, windows: dict[str, float], opened: dict[str, tuple[float, str]]) -> Lead:
    return Lead(
        at=float(at),
        windows={str(name): float(window) for name, window in windows.items()},
        opened={str(name): (float(since), OpenReason(why)) for name, (since, why) in opened.items()},
    )


def merge(reports: Iterable[Report]) -> Report:
    """Add what all gateways see: loads and limits sum, the longest wait counts, healthy is who anyone finds healthy.

    Of two who think that they lead, the one that heard of the store later counts.
    """
    readings: dict[str, PoolReading] = {}
    duration, requests, weight, ended = 0.0, 0.0, 0.0, 0
    over: tuple[str, ...] = ()
    lead: Lead | None = None
    for report in reports:
        if report.lead is not None and (lead is None or report.lead.at > lead.at):
            lead = report.lead
        for name, more in report.pools.items():
            so_far = readings.get(name)
            readings[name] = more if so_far is None else _add(so_far, more)
        over += report.over
        share = report.ended + 1e-3
        duration += share * report.duration
        requests += share * report.requests
        weight += share
        ended += report.ended
    if not weight:
        return Report()
    duration, requests = duration / weight, requests / weight
    return Report(pools=readings, duration=duration, requests=requests, ended=ended, over=over, lead=lead)


def _add(one: PoolReading, other: PoolReading) -> PoolReading:
    served = one.requests_per_s + other.requests_per_s
    weight = one.requests_per_s / served if served else 0.5
    return PoolReading(
        inside=one.inside + other.inside,
        inflight=one.inflight + other.inflight,
        queued=one.queued + other.queued,
        limit=one.limit + other.limit,
        queue_wait=max(one.queue_wait, other.queue_wait),
        healthy=one.healthy or other.healthy,
        requests_per_s=one.requests_per_s + other.requests_per_s,
        ended=one.ended + other.ended,
        missing=min(one.missing, other.missing),
        slowdown=weight * one.slowdown + (1 - weight) * other.slowdown,
    )

"""The sections of the configuration: plain dataclasses, mostly those of the core, each checked as it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gateway.core.address import read_networks
from gateway.core.admission import AdmissionPolicy
from gateway.core.health import HealthPolicy
from gateway.core.idempotency import IdempotencyPolicy
from gateway.core.joins import JoinPolicy
from gateway.core.known_openings import OpeningRule
from gateway.core.lane_rules import LaneRule, check_rules
from gateway.core.lanes import LanePolicy
from gateway.core.limits.policy import LimitPolicy
from gateway.core.names import check_name
from gateway.core.outliers import OutlierPolicy
from gateway.core.retry_budget import RetryPolicy
from gateway.core.spillover import SpilloverPolicy
from gateway.core.units import Seconds
from gateway.core.visits import VisitPolicy
from gateway.core.waitline import LinePolicy


def _check_pair(certificate: Path | None, key: Path | None) -> None:
    if (certificate is None) != (key is None):
        raise ValueError("certificate and key: both or none")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """TLS for visitors: PEM files of the certificate with its chain and of the key, and the oldest version."""

    certificate: Path | None = None
    key: Path | None = None
    minimum: Literal["1.2", "1.3"] = "1.2"

    def __post_init__(self) -> None:
        _check_pair(self.certificate, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTls:
    """TLS to nodes whose URL is https: who signs for them, what the gateway shows them, and the name they must have."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""
    verify: bool = True

    def __post_init__(self) -> None:
        _check_pair(self.certificate, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """A group of nodes with one role; `warmup`, `trickle`, `patience`, `hold` rule a backup's opening."""

    nodes: tuple[str, ...]
    role: Literal["primary", "backup"] = "primary"
    health: HealthPolicy = field(default_factory=HealthPolicy)
    limit: LimitPolicy = field(default_factory=LimitPolicy)
    outliers: OutlierPolicy = field(default_factory=OutlierPolicy)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    slow_start: Seconds = 10.0
    weights: Mapping[str, float] = field(default_factory=dict)
    session_cookie: str = ""
    session_header: str = ""
    regions: tuple[str, ...] = ()
    tls: NodeTls = field(default_factory=NodeTls)
    warmup: Seconds = 0.0
    trickle: float = 0.1
    patience: Seconds = 3.0
    hold: Seconds = 60.0

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ValueError("nodes: expected at least one http://HOST:PORT")
        for node in self.nodes:
            scheme, _, address = node.partition("://")
            if scheme not in ("http", "https") or not address or "/" in address:
                raise ValueError(f"nodes: expected http://HOST:PORT without a path, got {node!r}")
        if len(set(self.nodes)) != len(self.nodes):
            raise ValueError("nodes: a node stands twice")
        if unknown := set(self.weights) - set(self.nodes):
            raise ValueError(f"weights: {sorted(unknown)[0]!r} is not one of the nodes")
        if any(not 0.01 <= weight <= 100 for weight in self.weights.values()):
            raise ValueError("weights: expected numbers in 0.01..100")
        if self.slow_start < 0:
            raise ValueError("slow_start: expected at least 0s")
        self.spillover()

    def spillover(self) -> SpilloverPolicy:
        """The rules by which this pool opens if it is a backup."""
        return SpilloverPolicy(warmup=self.warmup, trickle=self.trickle, patience=self.patience, hold=self.hold)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """What a room protects, its lanes, and how it treats its visitors."""

    paths: tuple[str, ...] = ("/",)
    capacity: Literal["auto"] | float = "auto"
    lanes: Mapping[str, LanePolicy] = field(default_factory=lambda: {"regular": LanePolicy()})
    default_lane: str = ""
    lane_header: str = ""
    lane_rules: tuple[LaneRule, ...] = ()
    mode: Literal["enforce", "observe"] = "enforce"
    enforce_percent: float = 100.0
    page_status: Literal[200, 202, 429, 503] = 202
    max_waiting: int = 1_000_000
    presence_grace: Seconds = 180.0
    claim_window: Seconds = 120.0
    pass_idle: Seconds = 1200.0
    pass_cap: Seconds = 7200.0
    pass_concurrency: int = 20
    longest_poll: Seconds = 60.0
    joins: JoinPolicy = field(default_factory=JoinPolicy)
    admission: AdmissionPolicy = field(default_factory=AdmissionPolicy)
    visits: VisitPolicy = field(default_factory=VisitPolicy)
    openings: tuple[OpeningRule, ...] = ()
    message: str = ""
    alternatives: tuple[tuple[str, str], ...] = ()
    alternatives_by_region: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    emergency: tuple[str, ...] = ("103", "112")

    def __post_init__(self) -> None:
        if not self.paths or any(not path.startswith("/") or "*" in path for path in self.paths):
            raise ValueError("paths: expected a list of path prefixes that start with '/', without globs")
        if not self.lanes:
            raise ValueError("lanes: expected at least one lane")
        for lane in self.lanes:
            check_name("lane", lane)
        if self.default_lane and self.default_lane not in self.lanes:
            raise ValueError(f"default_lane: {self.default_lane!r} is not one of {sorted(self.lanes)}")
        check_rules(self.lane_rules, {name: lane.target_wait for name, lane in self.lanes.items()}, self.lane)
        if self.capacity != "auto" and self.capacity <= 0:
            raise ValueError("capacity: expected auto or a number of requests/s above 0")
        if not 0 <= self.enforce_percent <= 100:
            raise ValueError("enforce_percent: expected 0 to 100")
        if self.max_waiting < 1:
            raise ValueError("max_waiting: expected at least 1")
        if self.pass_concurrency < 1:
            raise ValueError("pass_concurrency: expected at least 1")
        if not 0 < self.pass_idle <= self.pass_cap:
            raise ValueError("pass_idle: expected above 0s and at most pass_cap")
        if min(self.presence_grace, self.claim_window, self.longest_poll) < 1:
            raise ValueError("presence_grace, claim_window and longest_poll: expected at least 1s")
        if self.presence_grace < 2 * self.longest_poll:
            raise ValueError("presence_grace: expected at least twice longest_poll, or waiting visits look silent")

    @property
    def lane(self) -> str:
        """The lane of visitors for whom nothing else says one: the one with the most distant target."""
        return self.default_lane or max(self.lanes, key=lambda name: self.lanes[name].target_wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Limits of forwarding: timeouts in seconds, sizes in bytes."""

    connect_timeout: Seconds = 3.0
    read_timeout: Seconds = 60.0
    node_idle: Seconds = 4.0
    queue_timeout: Seconds = 15.0
    max_queue: int = 2000
    shed_after: Seconds = 0.4
    shed_standing: Seconds = 0.15
    max_body: int = 10_000_000
    cache_size: int = 64_000_000
    idempotency: IdempotencyPolicy = field(default_factory=IdempotencyPolicy)
    trusted_proxies: tuple[str, ...] = ()
    origin_secret_file: Path | None = None
    drain: Seconds = 20.0

    def __post_init__(self) -> None:
        if min(self.connect_timeout, self.read_timeout, self.node_idle, self.queue_timeout) <= 0:
            raise ValueError("timeouts must be above 0s")
        if min(self.max_body, self.cache_size) < 1:
            raise ValueError("max_body and cache_size must be at least 1")
        self.line()
        read_networks(self.trusted_proxies)

    def line(self) -> LinePolicy:
        """The rules of the line in front of each pool."""
        return LinePolicy(shed_after=self.shed_after, shed_standing=self.shed_standing, most=self.max_queue)

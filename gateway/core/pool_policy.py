"""All that rules one pool of nodes, as the edge needs it."""

from dataclasses import dataclass, field

from gateway.core.health import HealthPolicy
from gateway.core.limits.policy import LimitPolicy
from gateway.core.outliers import OutlierPolicy
from gateway.core.retry_budget import RetryPolicy
from gateway.core.units import Seconds
from gateway.core.waitline import LinePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPolicy:
    """Rules of a pool; `slow_start` is the time in seconds in which a node that came back gets its whole limit."""

    limit: LimitPolicy = field(default_factory=LimitPolicy)
    health: HealthPolicy = field(default_factory=HealthPolicy)
    line: LinePolicy = field(default_factory=LinePolicy)
    outliers: OutlierPolicy = field(default_factory=OutlierPolicy)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    slow_start: Seconds = 10.0

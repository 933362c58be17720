"""All metrics of the gateway, in a registry of their own; names and labels are the contract's, section 6."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from gateway.telemetry.tally import TallyCounter, TallyHistogram

_LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAITS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class StoreCounter(Collector):
    """A counter by room that the store keeps for all gateways: each shows the store's figure, none adds to it."""

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = ("room",)
        self._figures: dict[str, int] = {}
        registry.register(self)

    def show(self, room: str, figure: int) -> None:
        """Take the store's figure of a room."""
        self._figures[room] = figure

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Return the counter as Prometheus reads it."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for room, figure in self._figures.items():
            family.add_metric([room], figure)
        return [family]

    describe = collect


@dataclass(slots=True)
class Metrics:
    """Owns the registry; label values are bounded by the configuration, never by visitors."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: TallyCounter = field(init=False)
    duration: TallyHistogram = field(init=False)
    upstream_duration: TallyHistogram = field(init=False)
    retries: Counter = field(init=False)
    idempotency: Counter = field(init=False)
    cache: Counter = field(init=False)
    cache_purged: Counter = field(init=False)
    inflight: Gauge = field(init=False)
    limit: Gauge = field(init=False)
    waiting: Gauge = field(init=False)
    wait: Histogram = field(init=False)
    wait_ranges: Counter = field(init=False)
    stretch: Gauge = field(init=False)
    identities: Counter = field(init=False)
    admissions: Counter = field(init=False)
    no_shows: StoreCounter = field(init=False)
    leavers: StoreCounter = field(init=False)
    rate: Gauge = field(init=False)
    forecast: Gauge = field(init=False)
    forecast_age: Gauge = field(init=False)
    forecast_drift: Gauge = field(init=False)
    pool_share: Gauge = field(init=False)
    store_up: Gauge = field(init=False)
    loop_errors: Counter = field(init=False)

    def __post_init__(self) -> None:
        registry = self.registry
        self.requests = TallyCounter("talon_requests", "Requests by decision", ["room", "class", "decision"], registry)
        self.duration = TallyHistogram(
            "talon_request_duration_seconds", "Time to answer", ["decision"], bounds=_LATENCIES, registry=registry
        )
        self.upstream_duration = TallyHistogram(
            "talon_upstream_duration_seconds",
            "Time of a node to answer",
            ["pool", "node"],
            bounds=_LATENCIES,
            registry=registry,
        )
        self.retries = Counter("talon_upstream_retries_total", "Requests sent once more", ["pool"], registry=registry)
        self.idempotency = Counter(
            "talon_idempotency_total", "Writes with a key, by what became of it", ["result"], registry=registry
        )
        self.cache = Counter(
            "talon_cache_total", "Requests of cacheable classes, by what became of them", ["result"], registry=registry
        )
        self.cache_purged = Counter("talon_cache_purged_total", "Copies that a write ended", registry=registry)
        self.inflight = Gauge("talon_upstream_inflight", "Requests at a node", ["pool", "node"], registry=registry)
        self.limit = Gauge("talon_upstream_limit", "Learned limit of a node", ["pool", "node"], registry=registry)
        self.waiting = Gauge("talon_room_waiting", "Visits waiting", ["room", "lane"], registry=registry)
        self.wait = Histogram(
            "talon_room_wait_seconds", "Realised wait", ["room", "lane"], buckets=_WAITS, registry=registry
        )
        self.wait_ranges = Counter(
            "talon_room_wait_range_total",
            "Waits that ended here, by where they lay against the range first shown",
            ["room", "lane", "outcome"],
            registry=registry,
        )
        self.stretch = Gauge(
            "talon_room_target_stretch",
            "Factor of their targets within which all lanes can be called, 1 while they can be in time",
            ["room"],
            registry=registry,
        )
        self.identities = Counter(
            "talon_identities_total",
            "Newcomers by what became of looking for their identity",
            ["source", "result"],
            registry=registry,
        )
        self.admissions = Counter(
            "talon_room_admissions_total", "Visits let in here", ["room", "lane"], registry=registry
        )
        self.no_shows = StoreCounter("talon_room_no_shows_total", "Calls nobody claimed", registry)
        self.leavers = StoreCounter("talon_room_leavers_total", "Visits that left the queue", registry)
        self.rate = Gauge(
            "talon_room_admission_rate",
            "Visits called per second, by what decides",
            ["room", "reason"],
            registry=registry,
        )
        self.forecast = Gauge(
            "talon_forecast_arrivals", "Forecast arrivals per second now", ["room", "quantile"], registry=registry
        )
        self.forecast_age = Gauge("talon_forecast_age_seconds", "Age of the record", ["room"], registry=registry)
        self.forecast_drift = Gauge(
            "talon_forecast_drift", "Arrivals of the last two hours over those forecast", ["room"], registry=registry
        )
        self.pool_share = Gauge("talon_pool_share", "Open share of a pool", ["pool"], registry=registry)
        self.store_up = Gauge("talon_store_up", "1 while the store answers", registry=registry)
        self.loop_errors = Counter("talon_loop_errors_total", "Errors caught by loops", ["loop"], registry=registry)

    def render(self) -> bytes:
        """Return the exposition text for Prometheus."""
        return generate_latest(self.registry)

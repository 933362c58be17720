"""Random mornings for the control loop: everything about one follows from its seed."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that happens from `at` to `until`, seconds; `amount` is what its kind needs."""

    kind: str
    at: float
    until: float
    amount: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlMorning:
    """One morning: `demand` as (from second, visits/s), a pool of nodes and perhaps a backup, and its troubles."""

    seed: int
    seconds: float
    demand: tuple[tuple[float, float], ...]
    workers: int
    service: float
    requests: int
    think: float
    backup: bool
    warmup: float
    lanes: dict[str, float]
    no_shows: float
    leavers: float
    claim_delay: float
    gateways: int
    forecast: float | None
    stale_at: float
    troubles: tuple[Trouble, ...]

    @property
    def capacity(self) -> float:
        """Visits/s that the primary finishes when nothing is wrong."""
        return self.workers / self.service / self.requests

    def rate(self, second: float) -> float:
        """Visits/s that come at a second."""
        return next((rate for begin, rate in reversed(self.demand) if second >= begin), 0.0)

    @property
    def quiet_from(self) -> float:
        """The second from which no trouble is left."""
        return max((trouble.until for trouble in self.troubles), default=0.0)


KINDS = (
    *("node", "all", "slow", "half", "store", "leader", "frozen"),
    *("forward", "back", "pause", "rate"),
)


def morning(seed: int) -> ControlMorning:
    """Return the morning of a seed."""
    chance = Random(seed)
    workers, service = chance.choice([2, 4, 8]), chance.uniform(0.05, 0.2)
    requests, think = chance.randint(2, 6), chance.choice([0.3, 1.0, 3.0])
    capacity = workers / service / requests
    seconds = 70.0
    demand = [(0.0, chance.uniform(0, 0.6) * capacity)]
    for _ in range(chance.randint(1, 4)):
        demand.append((chance.uniform(0, 0.6) * seconds, chance.choice([0.0, 0.7, 2.0, 5.0]) * capacity))
    demand = [*sorted(demand), (0.65 * seconds, 0.3 * capacity)]
    lanes = {"regular": 300.0} | ({"urgent": 30.0} if chance.random() < 0.6 else {}) | (
        {"other": 900.0} if chance.random() < 0.3 else {}
    )  # fmt: skip
    troubles = tuple(_trouble(chance, capacity) for _ in range(chance.choice([0, 0, 1, 1, 2, 3])))
    return ControlMorning(
        seed=seed,
        seconds=seconds,
        demand=tuple(demand),
        workers=workers,
        service=service,
        requests=requests,
        think=think,
        backup=chance.random() < 0.5,
        warmup=chance.choice([0.0, 5.0, 20.0]),
        lanes=lanes,
        no_shows=chance.choice([0.0, 0.0, 0.2, 0.4]),
        leavers=chance.choice([0.0, 0.0, 0.2]),
        claim_delay=chance.uniform(0.2, 1.5),
        gateways=chance.choice([1, 1, 1, 2, 3]),
        forecast=chance.choice([None, None, 1.0, 0.3, 3.0, chance.uniform(0.3, 3.0)]),
        stale_at=chance.choice([1e9, 20.0]),
        troubles=troubles,
    )


def _trouble(chance: Random, capacity: float) -> Trouble:
    kind, at = chance.choice(KINDS), chance.uniform(5.0, 30.0)
    if kind in ("forward", "back"):
        return Trouble(kind=kind, at=at, until=at + 0.1, amount=chance.choice([3.0, 60.0, 3600.0]))
    length = chance.uniform(1.0, 12.0)
    return Trouble(kind=kind, at=at, until=at + length, amount=chance.uniform(0.2, 1.0) * capacity)

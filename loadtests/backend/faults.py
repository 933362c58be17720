"""Faults a simulated backend can be told to have; chance and time are arguments."""

from dataclasses import dataclass
from enum import StrEnum

MAX_SECONDS = 3600.0


class FaultKind(StrEnum):
    """What goes wrong: an error page, slow work, silence, or a closed door."""

    ERROR = "error"
    SLOW = "slow"
    HANG = "hang"
    REFUSE = "refuse"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault for a share of the requests and a bounded time; `factor` is for slow alone."""

    kind: FaultKind = FaultKind.NONE
    share: float = 1.0
    factor: float = 5.0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share: expected between 0 and 1")
        if not 1 <= self.factor <= 1000:
            raise ValueError("factor: expected between 1 and 1000")
        if not 0 <= self.seconds <= MAX_SECONDS:
            raise ValueError(f"seconds: expected between 0 and {MAX_SECONDS:g}")

    @property
    def reaches_health(self) -> bool:
        """Whether health checks see it: silence and a closed door do, a grey failure does not."""
        return self.kind in (FaultKind.HANG, FaultKind.REFUSE)

    def strikes(self, *, age: float, chance: float) -> bool:
        """Whether a request is hit `age` seconds after the fault began; `chance` is uniform in [0, 1)."""
        return self.kind is not FaultKind.NONE and age < self.seconds and chance < self.share


def fault_from(fields: dict[str, object]) -> Fault:
    """Build a fault from named fields; raises ValueError that names the field and what was expected."""
    unknown = sorted(set(fields) - {"kind", "share", "factor", "seconds"})
    if unknown:
        raise ValueError(f"{unknown[0]}: unknown; expected kind, share, factor, seconds")
    try:
        kind = FaultKind(str(fields.get("kind", "")))
    except ValueError:
        raise ValueError(f"kind: expected one of {', '.join(FaultKind)}, got {fields.get('kind')!r}") from None
    numbers: dict[str, float] = {}
    for name in ("share", "factor", "seconds"):
        if name in fields:
            try:
                numbers[name] = float(str(fields[name]))
            except ValueError:
                raise ValueError(f"{name}: expected a number, got {fields[name]!r}") from None
    return Fault(kind=kind, **numbers)


def parse_fault(text: str) -> Fault:
    """Read `KIND[:name=value,...]`, for example `slow:factor=3,share=0.5,seconds=20`."""
    kind, _, rest = text.partition(":")
    fields: dict[str, object] = {"kind": kind}
    for pair in filter(None, rest.split(",")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"expected name=value after the colon, got {pair!r}")
        fields[name.strip()] = value.strip()
    return fault_from(fields)

"""What a peak came to, from the records of its visits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

import orjson

from loadtests.inputs import BadInput
from loadtests.records import Outcome, VisitRecord

Series = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakReport:
    """Sums over all visits; series are (wall-clock second, count); shares are None when there was nothing to share.

    `waits_inside` is the share of realised waits inside the range first shown, `waits_not_above` the share not above
    its upper end; both count only visits that were shown a range and got in.
    """

    started: int
    booked: int
    gave_up: int
    failed: int
    left: int
    unfinished: int
    errors: int
    errors_per_visit: float
    reloads: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    waited: int
    wait_p50_s: float | None
    wait_p90_s: float | None
    waits_shown: int
    waits_inside: float | None
    waits_not_above: float | None
    waiting_after_admission: int
    began: float
    ended: float
    arrivals: Series
    bookings: Series

    def booked_between(self, start: float, end: float) -> int:
        """Visits booked from one wall-clock instant up to another, counted in whole seconds."""
        return sum(count for second, count in self.bookings if start <= second < end)

    def to_json(self) -> bytes:
        """The report as indented JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def aggregate(records: Iterable[VisitRecord]) -> PeakReport:
    """Add up records; any order gives the same report."""
    visits = sorted(records, key=lambda record: (record.start, record.visit))
    outcomes = Counter(visit.outcome for visit in visits)
    latencies = sorted(latency for visit in visits for latency in visit.latencies_ms)
    waits = sorted(visit.waited for visit in visits if visit.waited is not None)
    promises = [
        (visit.shown_low, visit.realised, visit.shown_high)
        for visit in visits
        if visit.shown_low is not None and visit.shown_high is not None and visit.realised is not None
    ]
    errors = sum(visit.errors for visit in visits)
    return PeakReport(
        started=len(visits),
        booked=outcomes[Outcome.BOOKED],
        gave_up=outcomes[Outcome.GAVE_UP],
        failed=outcomes[Outcome.FAILED],
        left=outcomes[Outcome.LEFT],
        unfinished=outcomes[Outcome.UNFINISHED],
        errors=errors,
        errors_per_visit=round(errors / len(visits), 3) if visits else 0.0,
        reloads=sum(visit.reloads for visit in visits),
        latency_p50_ms=quantile(latencies, 0.5),
        latency_p95_ms=quantile(latencies, 0.95),
        waited=sum(visit.waits > 0 for visit in visits),
        wait_p50_s=quantile(waits, 0.5),
        wait_p90_s=quantile(waits, 0.9),
        waits_shown=len(promises),
        waits_inside=_share([low <= realised <= high for low, realised, high in promises]),
        waits_not_above=_share([realised <= high for _, realised, high in promises]),
        waiting_after_admission=sum(visit.waiting_after_admission for visit in visits),
        began=min((visit.start for visit in visits), default=0.0),
        ended=max((visit.end for visit in visits), default=0.0),
        arrivals=_per_second(visit.start for visit in visits),
        bookings=_per_second(visit.end for visit in visits if visit.outcome is Outcome.BOOKED),
    )


def read_records(path: Path) -> list[VisitRecord]:
    """The records of a run; BadInput names file and line of anything else."""
    records: list[VisitRecord] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    records.append(VisitRecord.from_line(line))
                except ValueError as error:
                    raise BadInput(f"{path}, line {number}: {error}") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    return records


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the ordered values do not exceed."""
    if not ordered:
        return None
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


def _share(hits: Sequence[bool]) -> float | None:
    return round(sum(hits) / len(hits), 3) if hits else None


def _per_second(instants: Iterable[float]) -> Series:
    return tuple(sorted(Counter(int(instant) for instant in instants).items()))

"""`talon forecast publish`: what the gateway is to follow, for one room or for many."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecasting.core.errors import InputError
from forecasting.core.spans import parse_span
from forecasting.options import EventsFile, capacities_of, instant_of, reporting

if TYPE_CHECKING:
    from forecasting.core.outcomes import Outcomes


RedisUrl = Annotated[str, typer.Option("--redis", help="Store: redis://, rediss:// or unix:// URL.")]
Capacity = Annotated[
    list[str] | None, typer.Option(help="Visits per second a pool can take, POOL=RATE; may be repeated.")
]
AgeLimit = Annotated[str, typer.Option(help="The gateway stops following the plan after this span.")]
Horizon = Annotated[str, typer.Option(help="How far ahead the plan reaches.")]
IssuedFile = Annotated[
    Path | None, typer.Option("--issued", help="The gateway's forecasts.jsonl: the band is learned from it.")
]


@reporting
def publish(
    model_dir: Annotated[
        Path, typer.Option("--model-dir", help="Folder of model versions, or of a subfolder of them per room.")
    ],
    redis_url: RedisUrl,
    room: Annotated[
        str | None, typer.Option(help="Room whose plan this is. Default: booking, or each subfolder's name.")
    ] = None,
    capacity: Capacity = None,
    age_limit: AgeLimit = "6h",
    horizon: Horizon = "24h",
    at: Annotated[str | None, typer.Option(help="Instant at which the plan begins; default: now.")] = None,
    issued: IssuedFile = None,
    events: EventsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the records, a line each; write nothing.")] = False,
) -> None:
    """Write forecast and plan of the version in service to the store, in one step and with an age limit.

    Example: talon forecast publish --model-dir var/models --redis redis://localhost --capacity primary=25

    Example: talon forecast publish --model-dir var/models --redis redis://localhost --issued var/forecasts.jsonl
    """
    from forecasting.models.service import in_service
    from forecasting.publish import record_of, rooms_in, safe_url, write_records
    from forecasting.views import say, warn

    now = time.time()
    make = partial(
        record_of,
        capacity=capacities_of(capacity or []),
        age_limit=parse_span(age_limit, name="--age-limit"),
        horizon=parse_span(horizon, name="--horizon"),
        begin=now if at is None else instant_of(at),
        made_at=now,
        events=events,
    )
    outcomes = _outcomes(issued) if issued is not None else {}
    records = []
    for name, folder in rooms_in(model_dir, room).items():
        found, note = in_service(folder)
        warn(note)
        records.append(make(found, room=name, issued=outcomes.get(name)))
    if dry_run:
        for record in records:
            typer.echo(record.to_json())
        return
    write_records(records, redis_url)
    for record in records:
        state = record.state if record.state == "ok" else f"{record.state}: {record.reason}"
        what = f"{len(record.steps)} steps by {record.model}, {state}"
        say(f"published for {record.room} at {safe_url(redis_url)}: {what}")


def _outcomes(issued: Path) -> "dict[str, Outcomes]":
    """Return what was issued and came, by room; without any, say so and go on with the bands of the backtests."""
    from forecasting.sources.issued import read_issued
    from forecasting.views import warn

    try:
        return read_issued(issued).rooms
    except InputError as error:
        warn(f"{error}; the bands are those of the backtests")
        return {}

"""Forecast to plan to store: what the gateway will follow, written in one step and with an end."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from forecasting.contract import (
    DEFAULT_HEADROOM,
    MAX_STEPS,
    ForecastRecord,
    plan_key,
    planned,
    replanned,
)
from forecasting.core.calendar import zone_of
from forecasting.core.errors import InputError
from forecasting.core.outcomes import Outcomes, band_of
from forecasting.core.series import Forecast
from forecasting.core.spans import DAY, format_instant, format_span
from forecasting.models.registry import Registered
from forecasting.sources.events_file import read_events

DEFAULT_ROOM = "booking"
TIMEOUT = 5.0
FARTHEST = 14 * DAY


def build_record(
    forecast: Forecast,
    *,
    room: str,
    version: str,
    model: str,
    made_at: float,
    age_limit: float,
    capacity: Mapping[str, float],
    headroom: float = DEFAULT_HEADROOM,
    state: str = "ok",
    reason: str = "",
) -> ForecastRecord:
    """Return the record of a forecast (counts per bin) as rates per second with the plan for every step."""
    if not 0 <= headroom < 1 or any(not 0 <= c < 1e9 for c in capacity.values()):
        raise ValueError("headroom must be in 0..1 and capacities must not be negative")
    if len(forecast) > MAX_STEPS:
        raise ValueError(f"{len(forecast)} steps; the gateway reads at most {MAX_STEPS}")
    columns = (forecast.times, forecast.q10, forecast.q50, forecast.q90, forecast.q95)
    steps = tuple(
        planned(at, [count / forecast.step for count in counts], capacity, headroom=headroom)
        for at, *counts in zip(*(column.tolist() for column in columns), strict=True)
    )
    return ForecastRecord(
        room=room,
        version=version,
        model=model,
        made_at=made_at,
        expires_at=made_at + age_limit,
        step_seconds=forecast.step,
        capacity=dict(capacity),
        steps=steps,
        state=state,
        reason=reason,
    )


def without_forecast(
    *, room: str, version: str, model: str, made_at: float, age_limit: float, reason: str
) -> ForecastRecord:
    """Return the record that tells the gateway to rely on what it measures, and why."""
    return ForecastRecord(
        room=room, version=version, model=model, made_at=made_at, expires_at=made_at + age_limit,
        step_seconds=1.0, capacity={}, steps=(), state="no_forecast", reason=reason,
    )  # fmt: skip


def record_of(
    found: Registered,
    *,
    room: str,
    capacity: Mapping[str, float],
    age_limit: float,
    horizon: float,
    begin: float,
    made_at: float,
    issued: Outcomes | None = None,
    events: Path | None = None,
) -> ForecastRecord:
    """Return the record of a version for `[begin, begin + horizon)`; if it may not serve, one that says why.

    With what was `issued` lately, in steps of the same width, the band is learned from that, else it is the one of the
    backtest. With a file of `events` those count, instead of those that were known when the version was fitted.
    """
    version, model = found.version, found.fitted.name
    reason = _why_not(found, begin)
    if reason:
        return without_forecast(
            room=room, version=version, model=model, made_at=made_at, age_limit=age_limit, reason=reason
        )
    history = found.fitted.history
    count = round(np.ceil(horizon / history.step))
    if not 1 <= count <= MAX_STEPS:
        raise InputError(f"--horizon: {count} steps of {format_span(history.step)}; the gateway reads 1 to {MAX_STEPS}")
    first = history.start + np.floor((begin - history.start) / history.step) * history.step
    fitted = found.fitted
    if events is not None:
        zone = zone_of(fitted.calendar.zone, "--timezone")
        fitted = fitted.beside(read_events(events, zone, begin=begin, end=begin + horizon).events)
    if issued is not None and issued.step == history.step and (band := band_of(issued, fitted.calendar)) is not None:
        fitted = replace(fitted, calibration=band)
    forecast = fitted.forecast(first + history.step * np.arange(count, dtype=np.float64))
    return build_record(
        forecast, room=room, version=version, model=model, made_at=made_at, age_limit=age_limit, capacity=capacity
    )


def _why_not(found: Registered, begin: float) -> str:
    """Return why a version cannot serve from `begin` on, or nothing if it can."""
    if found.state != "ok":
        return str(found.manifest["reason"])
    end = found.fitted.history.end
    if begin - end > FARTHEST:
        return f"the history of the model ends {format_instant(end)}, over {format_span(FARTHEST)} before the plan"
    return ""


def compress(record: ForecastRecord, *, start: float, begin: float, speed: float, scale: float) -> ForecastRecord:
    """Replay a record faster: trace time `begin` becomes wall time `start`, arrivals are times `scale`."""
    if not speed > 0 or not scale >= 0:
        raise ValueError("speed must be above zero and scale must not be negative")
    steps = tuple(
        replanned(step, scale, record.capacity, at=start + (step.at - begin) / speed) for step in record.steps
    )
    return replace(record, steps=steps, step_seconds=record.step_seconds / speed)


def rooms_in(root: Path, room: str | None) -> dict[str, Path]:
    """Return the rooms to publish and the folder of models of each.

    A folder of versions is that of one room, `room` or booking; in a folder of such folders, as `fit` makes it of many
    series, each is called like its room, and `room` picks one. InputError where there is none.
    """
    inside = {path.name: path for path in sorted(root.iterdir()) if _holds_versions(path)} if root.is_dir() else {}
    if not inside or _holds_versions(root):
        return {room or DEFAULT_ROOM: root}
    if room is None:
        return inside
    if room not in inside:
        raise InputError(f"--room: {root} holds no models of {room!r}; it holds {', '.join(list(inside)[:10])}")
    return {room: inside[room]}


def write_records(records: Sequence[ForecastRecord], redis_url: str) -> None:
    """Write each record for its room with its age limit, in one command each; InputError if the store is not there."""
    import redis

    now = time.time()
    late = [record.room for record in records if round((record.expires_at - now) * 1000) <= 0]
    if late:
        raise InputError(f"the record of {late[0]} is past its age limit already; nothing is written")
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as store:
            for record in records:
                left = round((record.expires_at - now) * 1000)
                store.set(plan_key(record.room), record.to_json(), px=left)
    except ValueError as error:
        raise InputError(f"--redis: {error}") from None
    except redis.RedisError as error:
        raise InputError(f"--redis: {safe_url(redis_url)} does not answer: {error}") from None


def safe_url(url: str) -> str:
    """Return a store URL that may be shown: without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _holds_versions(folder: Path) -> bool:
    return next(folder.glob("[0-9]*/manifest.json"), None) is not None

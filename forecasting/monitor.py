"""Scores of the forecasts that were really issued, room by room: for people, for Prometheus and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forecasting.core.calendar import Calendar
from forecasting.core.errors import InputError
from forecasting.core.outcomes import RECENT, Outcomes, Worth, alarms, by_day, worth
from forecasting.core.spans import DAY, format_instant
from forecasting.models.service import manifest_of
from forecasting.pages.render import page
from forecasting.plotting import outcomes_picture
from forecasting.publish import rooms_in
from forecasting.sources.issued import IssuedLog

METRICS = {
    "wape": "Error of the forecasts issued in the last days over the arrivals",
    "corrected_wape": "The same after the correction by live counts",
    "bias": "Forecast arrivals over those that came, less 1",
    "coverage": "Share of arrivals inside the 80 % band",
    "under_q95": "Share of arrivals under the 95 % quantile",
    "peak_off_seconds": "Seconds between the busiest hour and the one that was forecast, mean over days",
    "peak_error": "Relative error in the busiest hour, mean over days",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A room: its last week, its days, the WAPE of the backtest if a model is known, and what is wrong."""

    room: str
    version: str
    outcomes: Outcomes
    recent: Worth
    days: Sequence[tuple[float, Worth]]
    expected: float | None
    alarms: Sequence[str]


def watch(log: IssuedLog, calendar: Calendar, model_dir: Path | None, days: int) -> list[Watched]:
    """Score each room of a log over its last `days`; the last week decides what is wrong."""
    found = []
    for room, outcomes in log.rooms.items():
        end = float(outcomes.times[-1]) + outcomes.step
        shown = outcomes.where(outcomes.times >= end - days * DAY)
        recent = worth(outcomes.where(outcomes.times >= end - RECENT * DAY), calendar)
        expected = _expected(model_dir, room, log.versions[room])
        found.append(
            Watched(
                room=room,
                version=log.versions[room],
                outcomes=shown,
                recent=recent,
                days=by_day(shown, calendar),
                expected=expected,
                alarms=alarms(recent, expected),
            )
        )
    return found


def _expected(model_dir: Path | None, room: str, version: str) -> float | None:
    """Return the WAPE that the backtest of a version promised, or None where it is not known."""
    if model_dir is None:
        return None
    try:
        manifest = manifest_of(rooms_in(model_dir, room)[room] / version / "manifest.json")
    except InputError:
        return None
    scores: Sequence[Mapping[str, Any]] = manifest.get("scores", ())
    own = next((entry for entry in scores if entry.get("model") == manifest.get("model")), {})
    return own.get("wape")


def as_metrics(found: Sequence[Watched]) -> str:
    """Return the scores of the last week in the text form of Prometheus, as its node exporter reads it from a file."""
    lines = []
    for name, meaning in METRICS.items():
        lines += [f"# HELP talon_forecast_{name} {meaning}", f"# TYPE talon_forecast_{name} gauge"]
        lines += [f'talon_forecast_{name}{{room="{_label(w.room)}"}} {getattr(w.recent, name):.6g}' for w in found]
    lines += ["# HELP talon_forecast_alarms What is wrong with the forecasts", "# TYPE talon_forecast_alarms gauge"]
    lines += [f'talon_forecast_alarms{{room="{_label(w.room)}"}} {len(w.alarms)}' for w in found]
    return "\n".join(lines) + "\n"


def as_document(found: Sequence[Watched]) -> dict[str, Any]:
    """Return everything as JSON values; None where a score cannot be told."""
    rooms = [
        {
            "room": w.room,
            "version": w.version,
            "last_week": _scores(w.recent),
            "backtest_wape": w.expected,
            "alarms": list(w.alarms),
            "days": [{"day": format_instant(day)[:10], **_scores(each)} for day, each in w.days],
        }
        for w in found
    ]
    return {"format": 1, "rooms": rooms}


def as_page(found: Sequence[Watched], calendar: Calendar) -> str:
    """Return the report of the week as a page."""
    rooms = [
        {
            "watched": w,
            "picture": outcomes_picture(w.outcomes, calendar, days=RECENT),
            "rows": [{"day": "last week", **room["last_week"]}, *reversed(room["days"])],
        }
        for w, room in zip(found, as_document(found)["rooms"], strict=True)
    ]
    return page("monitor.html.j2", rooms=rooms, meanings=METRICS, zone=calendar.zone)


def _scores(scores: Worth) -> dict[str, float | int | None]:
    return {name: None if value != value else value for name, value in asdict(scores).items()}


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

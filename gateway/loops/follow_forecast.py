"""Follows the published forecast record: a valid one replaces the old, anything else is said once and left.

What the room is given is the record corrected by who came in the last hours; what came of each step is handed on.
"""

from collections.abc import Callable

from forecasting.contract import ForecastRecord, RecordInvalid
from gateway.core.live_forecast import LiveForecast, Outcome
from gateway.core.live_room import LiveRoom
from gateway.ports import RoomStore
from gateway.telemetry.events import event
from gateway.telemetry.metrics import Metrics

INTERVAL = 2.0
QUANTILES = ("q10", "q50", "q90", "q95")


def ignore_outcome(outcome: Outcome) -> None:
    """Take note of nothing."""


class ForecastFollower:
    """Keeps one room's record fresh; `note` is told what came of a step, at the gateway that leads."""

    def __init__(
        self,
        room: LiveRoom,
        store: RoomStore,
        metrics: Metrics,
        now: Callable[[], float],
        note: Callable[[Outcome], None] = ignore_outcome,
    ) -> None:
        self._room = room
        self._store = store
        self._metrics = metrics
        self._now = now
        self._write = note
        self._live = LiveForecast()
        self._raw = b""

    async def look(self) -> None:
        """Read the record if it has changed, and publish what it says of now."""
        raw = await self._store.plan(self._room.name)
        if raw != self._raw:
            self._raw = raw
            self._take(raw)
        self._correct()
        self._note()

    def _correct(self) -> None:
        view = self._room.view
        if view is None:
            return
        self._live.observe(view.epoch, sum(lane.issued for lane in view.lanes.values()), view.now)
        self._room.record = self._live.corrected
        outcomes = self._live.outcomes()
        for outcome in outcomes if view.leader else ():
            try:
                self._write(outcome)
            except OSError as error:
                event("forecast_log_failed", room=self._room.name, error=error.strerror)

    def _take(self, raw: bytes) -> None:
        if not raw:
            # The record has outlived its age limit; what it said until then stays said, `fresh_record` ends it.
            event("forecast_absent", room=self._room.name)
            return
        try:
            record = ForecastRecord.from_json(raw)
        except RecordInvalid as error:
            event("forecast_refused", room=self._room.name, error=error)
            return
        self._live.take(record)
        self._room.record = self._live.corrected
        event("forecast_taken", room=self._room.name, version=record.version, model=record.model, state=record.state)

    def _note(self) -> None:
        record, now = self._room.record, self._now()
        if record is None:
            return
        self._metrics.forecast_drift.labels(self._room.name).set(self._live.drift)
        self._metrics.forecast_age.labels(self._room.name).set(max(0.0, now - record.made_at))
        step, expired = record.step_at(now), now >= record.expires_at
        for quantile in QUANTILES:
            if expired:
                # What is over is not shown: a gap in the graph instead of an old figure.
                self._metrics.forecast.remove(self._room.name, quantile)
                continue
            value = getattr(step, quantile) if step else 0.0
            self._metrics.forecast.labels(self._room.name, quantile).set(value)

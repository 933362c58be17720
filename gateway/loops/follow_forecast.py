"""Follows the published forecast record: a valid one replaces the old, anything else is said once and left."""

from collections.abc import Callable

from forecasting.contract import ForecastRecord, RecordInvalid
from gateway.core.live_room import LiveRoom
from gateway.ports import RoomStore
from gateway.telemetry.events import event
from gateway.telemetry.metrics import Metrics

INTERVAL = 2.0
QUANTILES = ("q10", "q50", "q90", "q95")


class ForecastFollower:
    """Keeps one room's record fresh."""

    def __init__(self, room: LiveRoom, store: RoomStore, metrics: Metrics, now: Callable[[], float]) -> None:
        self._room = room
        self._store = store
        self._metrics = metrics
        self._now = now
        self._raw = b""

    async def look(self) -> None:
        """Read the record if it has changed, and publish what it says of now."""
        raw = await self._store.plan(self._room.name)
        if raw != self._raw:
            self._raw = raw
            self._take(raw)
        self._note()

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
        self._room.record = record
        event("forecast_taken", room=self._room.name, version=record.version, model=record.model, state=record.state)

    def _note(self) -> None:
        record, now = self._room.record, self._now()
        if record is None:
            return
        self._metrics.forecast_age.labels(self._room.name).set(max(0.0, now - record.made_at))
        step, expired = record.step_at(now), now >= record.expires_at
        for quantile in QUANTILES:
            if expired:
                # What is over is not shown: a gap in the graph instead of an old figure.
                self._metrics.forecast.remove(self._room.name, quantile)
                continue
            value = getattr(step, quantile) if step else 0.0
            self._metrics.forecast.labels(self._room.name, quantile).set(value)

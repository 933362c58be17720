"""The forecast log: each step that was issued beside what came, one JSON line, read by `talon forecast monitor`."""

from pathlib import Path

import orjson

from gateway.core.live_forecast import Outcome

MOST_BYTES = 32_000_000


class ForecastLog:
    """Appends to `path`; a file over the limit becomes `path` with `.1` after it, in place of the one before."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, outcome: Outcome) -> None:
        """Write an outcome down; raises OSError where that is not possible."""
        record, step = outcome.record, outcome.step
        line = {
            "room": record.room,
            "at": step.at,
            "step_seconds": record.step_seconds,
            "made_at": record.made_at,
            "model": record.model,
            "version": record.version,
            "state": record.state,
            "q10": step.q10,
            "q50": step.q50,
            "q90": step.q90,
            "q95": step.q95,
            "factor": round(outcome.factor, 4),
            "arrivals": outcome.arrivals,
        }
        if self._path.exists() and self._path.stat().st_size > MOST_BYTES:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

"""What the demo plays: sizes, times and addresses, all derived from one length and one port."""

from dataclasses import dataclass
from pathlib import Path

WORKERS = 4
SERVICE_TIME = 0.08
REQUESTS_PER_VISIT = 4
CAPACITY = WORKERS / (REQUESTS_PER_VISIT * SERVICE_TIME)
"""Visits per second that one simulated backend can finish: 4 workers, 4 requests of 80 ms each."""
ALL_BACKENDS = 2 * CAPACITY
"""Visits per second that the primary and the backup can finish together."""
PEAK = 5.0
"""Height of the peak in capacities of the primary backend."""
WARMUP = 8.0
COLD_FACTOR = 3.0
PATIENCE = 20.0
THINK = (0.3, 1.2)
OVERHEAD = 40.0
"""Seconds of the demo that are not a peak: training, starting, stopping, letting visits end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """Length of one peak in seconds, the visitors' port (the operators' is the next), and where files go."""

    peak_seconds: float
    port: int
    seed: int
    folder: Path

    @classmethod
    def of(cls, *, minutes: float, port: int, seed: int, folder: Path) -> "DemoPlan":
        """Fit two peaks and the overhead into `minutes`; raises ValueError when that is too short."""
        seconds = (minutes * 60 - OVERHEAD) / 2
        if not 20 <= seconds <= 1800:
            raise ValueError(f"--minutes: expected 1.4 to 60, got {minutes:g}")
        if not 1 <= port <= 65534:
            raise ValueError(f"--port: expected 1 to 65534, got {port}")
        return cls(peak_seconds=seconds, port=port, seed=seed, folder=folder)

"""The one place that catches everything: a loop that fails is counted, logged and run again after a pause."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.errors import StoreUnavailable
from gateway.telemetry.events import event
from gateway.telemetry.metrics import Metrics

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0


async def every(
    name: str, interval: float, step: Callable[[], Awaitable[None]], metrics: Metrics, clock: Callable[[], float]
) -> None:
    """Run `step` each `interval` seconds until cancelled; failures back off and are logged once per kind."""
    pause, said = FIRST_PAUSE, ""
    while True:
        started = clock()
        try:
            await step()
            if said:
                event("loop_recovered", loop=name)
            pause, said = FIRST_PAUSE, ""
        except Exception as error:  # noqa: BLE001 - the supervisor: counted, logged, backed off
            metrics.loop_errors.labels(name).inc()
            kind = type(error).__name__
            if kind != said:
                event(
                    "store_unavailable" if isinstance(error, StoreUnavailable) else "loop_failed",
                    loop=name,
                    error=error,
                )
            said = kind
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            continue
        await asyncio.sleep(max(0.0, interval - (clock() - started)))

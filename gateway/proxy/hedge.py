"""Asking a second node when the first one is slow, and taking whichever answers first (Dean and Barroso 2013).

It cuts the tail that one slow node makes, at the price of work done twice, so it is off unless configured, and paid
for out of the budget of retries.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
LOST = "lost"
"""What the slower one is cancelled with, as against a visitor who has gone."""


async def race(
    first: Coroutine[Any, Any, Result],
    *,
    after: float,
    second: Callable[[], Coroutine[Any, Any, Result] | None],
    drop: Callable[[Result], None],
) -> Result:
    """Return the first result; after `after` seconds without one `second` may give another that runs beside it.

    A failure counts only when the other has failed too, or there is none. What comes too late goes to `drop`.
    """
    tasks = [asyncio.create_task(first)]
    won: asyncio.Task[Result] | None = None
    try:
        await asyncio.wait(tasks, timeout=after)
        if not tasks[0].done() and (other := second()) is not None:
            tasks.append(asyncio.create_task(other))
        waiting = set(tasks)
        while won is None and waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            won = next((task for task in tasks if task in done and not _failed(task)), None)
        return (won or tasks[0]).result()
    finally:
        for task in tasks:
            if not task.done():
                task.cancel(LOST if won is not None else None)
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if task is not won and not _failed(task):
                drop(task.result())


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.cancelled() or task.exception() is not None

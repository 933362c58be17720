"""Pools of processes that end with the one that began them: by Ctrl-C, by a signal, or by nothing at all."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from typing import Any


def process_pool(workers: int, begin: Callable[..., None] | None = None, *facts: Any) -> ProcessPoolExecutor:
    """Return a pool of fresh processes, each of which calls `begin` with the facts before its first work.

    They are never forked: libraries that keep threads of their own do not outlive that.
    """
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(begin, *facts))


def _begin(begin: Callable[..., None] | None, *facts: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends it without a word: the parent says what there is to say
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*facts)


def _end_with_parent() -> None:
    """End this process when its parent is gone, however it went; a pool's queue would keep it waiting for ever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)

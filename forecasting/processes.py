"""Work on many series side by side, each in a fresh process.

A fit takes a second of one core and 300 MB, and its libraries keep threads of their own, so that series are spread over
processes and never over threads or forks.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def side_by_side(
    work: Callable[[Job], Done], jobs: Sequence[Job], *, workers: int, on_done: Callable[[int, int], None]
) -> list[Done]:
    """Return `work` of each job, in the order of the jobs; the first error ends it."""
    found: list[Done] = []
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")  # for the processes: they share the cores already
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        try:
            for done in pool.map(work, jobs):
                found.append(done)
                on_done(len(found), len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found

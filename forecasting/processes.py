"""Work on many series side by side: each in a fresh process of this machine, or on a Dask cluster.

A fit takes a second of one core and 300 MB, and its libraries keep threads of their own, so that series are spread over
processes and never over threads or forks. The same function does the work either way; what it is given and what it
returns is all that travels.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from forecasting.core.errors import InputError
from forecasting.pools import process_pool

Job = TypeVar("Job")
Done = TypeVar("Done")
OnDone = Callable[[int, int], None]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CONNECT = "10s"


def side_by_side(
    work: Callable[[Job], Done], jobs: Sequence[Job], *, workers: int, on_done: OnDone, scheduler: str | None = None
) -> Iterator[Done]:
    """Yield `work` of each job, in the order of the jobs; the first error ends it."""
    found = _on_cluster(work, jobs, scheduler) if scheduler else _here(work, jobs, workers)
    for number, done in enumerate(found):
        on_done(number + 1, len(jobs))
        yield done


def _here(work: Callable[[Job], Done], jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")  # for the processes: they share the cores already
    with process_pool(min(workers, len(jobs))) as pool:
        try:
            yield from pool.map(work, jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _on_cluster(work: Callable[[Job], Done], jobs: Sequence[Job], scheduler: str) -> Iterator[Done]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--scheduler: Dask is not installed; install talon-gateway[cluster]") from None
    try:
        client = Client(scheduler, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler: {scheduler} does not answer: {error or 'no connection'}") from None
    with client:
        futures = client.map(work, jobs, pure=False, retries=2)
        for future in futures:
            yield future.result()
            future.release()

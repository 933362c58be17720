"""Reading logs into an ingest: in this process where there is little, in several where there is much."""

import gc
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO

from forecasting.core.errors import InputError
from forecasting.pools import process_pool
from forecasting.sources.blocks import Block, blocks
from forecasting.sources.cleaning import Classify, Rules
from forecasting.sources.columns import ColumnReader, Columns
from forecasting.sources.ingest import Ingest, Ingested, OnLines, ignore_lines
from forecasting.sources.parsers import LineParser
from forecasting.sources.resume import Progress

MUCH = 24 << 20
"""Bytes of logs from which on other processes pay for their start."""
PACKED = 8
"""About how many times larger a packed log is than its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToRead:
    """All that a process needs in order to read blocks."""

    rules: Rules
    salt: bytes
    parser: LineParser
    classify: Classify | None = None

    def reader(self) -> ColumnReader:
        """Return a reader with tables of its own."""
        return ColumnReader(self.rules, self.salt, self.parser, self.classify)


def ingest(
    sources: Sequence[str],
    stdin: IO[bytes],
    *,
    width: float,
    how: HowToRead,
    workers: int | None = None,
    progress: Progress | None = None,
    on_lines: OnLines = ignore_lines,
) -> Ingested:
    """Read all logs (`-` is `stdin`) into series in bins of `width` seconds; `progress` is where earlier runs ended."""
    run = Ingest(
        width=width,
        rules=how.rules,
        tally=progress.tally if progress else None,
        quality=progress.quality if progress else None,
        on_lines=on_lines,
    )
    wanted = workers if workers is not None else min(os.cpu_count() or 1, 8)

    def begin_of(source: str) -> int:
        return progress.begin_of(source, stdin) if progress else 0

    with ExitStack() as stack:
        stack.enter_context(_uncollected())
        pool = None
        if wanted > 1 and _size(sources, [begin_of(source) for source in sources]) >= MUCH:
            pool = stack.enter_context(process_pool(wanted, _begin, how))
        reader = how.reader()
        for source in sources:
            begin = begin_of(source)
            run.begin(source if source == "-" else PurePath(source).name)
            if progress and begin:
                for lines in progress.lines_before(source, begin):
                    run.take(reader.read(lines), told=False)
            found = blocks(source, stdin, begin=begin, whole=progress is not None)
            for columns, end in _columns(found, reader, pool, 2 * wanted):
                run.take(columns)
                begin = end
            run.end()
            if progress:
                progress.note(source, begin)
    return run.result()


def _columns(
    found: Iterable[Block], reader: ColumnReader, pool: ProcessPoolExecutor | None, ahead: int
) -> Iterator[tuple[Columns, int]]:
    """Yield the columns of each block in order, and how far the log is read with it; `ahead` are held at most."""
    if pool is None:
        for block in found:
            yield reader.read(_read(block)), block.end
        return
    waiting: deque[tuple[Future[Columns], int]] = deque()
    try:
        for block in found:
            waiting.append((pool.submit(_work, block), block.end))
            if len(waiting) > ahead:
                done, end = waiting.popleft()
                yield done.result(), end
        for done, end in waiting:
            yield done.result(), end
    except BrokenProcessPool:
        raise InputError("a process that reads the logs was ended from outside; use --workers 1") from None


_readers: list[ColumnReader] = []
"""The reader of a process of the pool."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave garbage uncollected: millions of small tuples and no cycles, so that collecting finds nothing."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _begin(how: HowToRead) -> None:
    gc.disable()
    _readers[:] = [how.reader()]


def _work(block: Block) -> Columns:
    return _readers[0].read(_read(block))


def _read(block: Block) -> bytes:
    try:
        return block.read()
    except OSError as error:
        raise InputError(f"the log cannot be read any more: {error.strerror or error}") from None


def _size(sources: Sequence[str], begins: Sequence[int]) -> int:
    """Return about how many bytes there are to read; standard input may be endless."""
    total = 0
    for source, begin in zip(sources, begins, strict=True):
        if source == "-":
            return MUCH
        path = Path(source)
        size = path.stat().st_size if path.is_file() else 0
        total += max(size - begin, 0) if path.suffix not in (".gz", ".bz2", ".xz", ".zst") else PACKED * size - begin
    return total

"""Logs as blocks of whole lines: large enough to be read at once, small enough to be held by the dozen.

A block is either bytes, or a span of a plain file that another process reads by itself. Invariant: the blocks of a log
hold each of its lines once, in order; a line over the limit is cut to just above it, so that it can be told.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from forecasting.sources.lines import LONGEST_LINE, is_plain, reading

BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a plain file, in bytes."""

    path: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, as bytes or where to find them; `end` is how far the (unpacked) log is read with it."""

    content: bytes | Span
    end: int

    def read(self) -> bytes:
        """Return the lines, each with its end; raises OSError."""
        if isinstance(self.content, bytes):
            return self.content
        with Path(self.content.path).open("rb") as file:
            file.seek(self.content.begin)
            return _ended(file.read(self.content.end - self.content.begin))


def blocks(source: str, stdin: IO[bytes], *, begin: int = 0, whole: bool = False, size: int = BLOCK) -> Iterator[Block]:
    """Yield the blocks of a log from an offset on; with `whole` an unfinished last line of a plain file is left.

    Raises InputError for a file that cannot be read.
    """
    with reading(source, stdin) as stream:
        if source != "-" and is_plain(source):
            yield from _spans(source, stream, begin, whole, size)
            return
        _skip(stream, begin)
        place = begin
        while data := stream.read(size):
            tail = b"" if data.endswith(b"\n") else stream.readline(LONGEST_LINE + 1)
            place += len(data) + len(tail) + (_pass_over(stream) if _is_cut(tail) else 0)
            yield Block(_ended(data + tail), place)


def _spans(source: str, file: IO[bytes], begin: int, whole: bool, size: int) -> Iterator[Block]:
    last = _end_of(file, whole)
    while begin < last:
        end = min(begin + size, last)
        place = end
        if end < last:
            file.seek(end)
            tail = file.readline(LONGEST_LINE + 1)
            end += len(tail)
            place = min(end + (_pass_over(file) if _is_cut(tail) else 0), last)
        yield Block(Span(source, begin, min(end, last)), place)
        begin = place


def _end_of(file: IO[bytes], whole: bool) -> int:
    """Return where the file ends now, or where its last finished line does."""
    size = file.seek(0, io.SEEK_END)
    first = max(size - 2 * LONGEST_LINE, 0)
    if not whole or not size:
        return size
    file.seek(first)
    ending = file.read(size - first).rfind(b"\n")
    return first + ending + 1 if ending >= 0 else first


def _is_cut(tail: bytes) -> bool:
    return len(tail) > LONGEST_LINE and not tail.endswith(b"\n")


def _pass_over(stream: IO[bytes]) -> int:
    """Read on to the end of a line that is too long, and return how many bytes that were."""
    count = 0
    while rest := stream.readline(LONGEST_LINE):
        count += len(rest)
        if rest.endswith(b"\n"):
            break
    return count


def _skip(stream: IO[bytes], count: int) -> None:
    while count > 0 and (data := stream.read(min(count, BLOCK))):
        count -= len(data)


def _ended(data: bytes) -> bytes:
    return data if not data or data.endswith(b"\n") else data + b"\n"

"""Logs as streams of bytes: plain, gzip, bzip2, xz or zstd, told apart by their first bytes."""

import bz2
import gzip
import importlib
import io
import lzma
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from forecasting.core.errors import InputError

LONGEST_LINE = 32_768
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


@contextmanager
def reading(source: str, stdin: IO[bytes]) -> Iterator[IO[bytes]]:
    """Open a file, or `stdin` for `-`, as its unpacked bytes; what goes wrong while it is open is an InputError."""
    try:
        if source == "-":
            yield _opened(io.BufferedReader(_Raw(stdin), 1 << 16), source)
            return
        with Path(source).open("rb") as file:
            if _kind(file) == "zstd" and sys.version_info < (3, 14):
                with _zstd_program(source) as stream:
                    yield stream
            else:
                yield _opened(file, source)
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, lzma.LZMAError):
        raise InputError(f"{source}: the compressed data is cut short or damaged; copy the file again") from None


def is_plain(source: str) -> bool:
    """Tell whether a file can be read from any offset; raises OSError."""
    with Path(source).open("rb") as file:
        return _kind(file) == "plain" and file.seekable()


class _Raw(io.RawIOBase):
    """Makes any readable byte stream fit to be buffered, so that its first bytes can be peeked at."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the stream."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _kind(file: io.BufferedReader) -> str:
    head = file.peek(6)[:6]
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), "plain")


def _opened(file: io.BufferedReader, source: str) -> IO[bytes]:
    match _kind(file):
        case "gzip":
            return io.BufferedReader(gzip.GzipFile(fileobj=file), 1 << 18)
        case "bzip2":
            return io.BufferedReader(bz2.BZ2File(file), 1 << 18)
        case "xz":
            return io.BufferedReader(lzma.LZMAFile(file), 1 << 18)
        case "zstd":
            return _zstd_stream(file, source)
        case _:
            return file


def _zstd_stream(file: io.BufferedReader, source: str) -> IO[bytes]:
    if sys.version_info < (3, 14):
        raise InputError(f"{source}: zstd cannot be read from a pipe here; pipe it through: zstd -dc")
    opened: IO[bytes] = importlib.import_module("compression.zstd").open(file, "rb")
    return opened


@contextmanager
def _zstd_program(source: str) -> Iterator[IO[bytes]]:
    """Read a zstd file through the zstd program, for Pythons whose standard library has no zstd."""
    program = shutil.which("zstd")
    if program is None:
        raise InputError(f"{source}: reading zstd needs the program zstd (apt install zstd) or Python 3.14")
    command = [program, "-dcq", "--", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        if child.stdout is None:
            raise EOFError(source)
        yield child.stdout
        unread = child.stdout.read(1)
    if child.returncode and not unread:
        raise EOFError(source)

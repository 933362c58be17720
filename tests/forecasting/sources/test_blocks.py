import bz2
import gzip
import io
import lzma
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.sources.blocks import blocks
from forecasting.sources.lines import LONGEST_LINE
from tests.conftest import require

LINES = [b"one\n", b"\n", b"\xff\x00 two \x01\n", b"x" * (3 * LONGEST_LINE) + b"\n", b"last"]


def lines_of(source: str, data: bytes = b"", **options: int) -> list[bytes]:
    """Return the lines of all blocks of a log."""
    found = list(blocks(source, io.BytesIO(data), **options))
    return [line for block in found for line in block.read().splitlines(keepends=True)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("size", [7, 40_000, 1 << 20])
def test_lines_are_the_same_however_they_are_packed(tmp_path: Path, pack: Callable[[bytes], bytes], size: int) -> None:
    """From a file or a pipe, in blocks of any size; a line over the limit may come cut, the next one comes whole."""
    data = pack(b"".join(LINES))
    path = tmp_path / "access.log"
    path.write_bytes(data)
    for found in (lines_of(str(path), size=size), lines_of("-", data, size=size)):
        assert found[:3] == LINES[:3]
        assert len(found[3]) > LONGEST_LINE
        assert LINES[3].startswith(found[3].rstrip(b"\n"))
        assert found[4:] == [b"last\n"]


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=40), st.integers(1, 60))
def test_each_line_is_in_one_block_and_a_log_goes_on_where_it_ended(lines: list[bytes], size: int) -> None:
    """The blocks joined are the log; reading on from the end of any block gives the rest."""
    data = b"".join(line + b"\n" for line in lines)
    packed = gzip.compress(data)
    found = list(blocks("-", io.BytesIO(packed), size=size))
    assert b"".join(block.read() for block in found) == data
    for block in found[:5]:
        rest = blocks("-", io.BytesIO(packed), begin=block.end, size=size)
        assert b"".join(each.read() for each in rest) == data[block.end :]


def test_an_unfinished_line_is_left_for_the_next_time(tmp_path: Path) -> None:
    """A log that is being written to is read up to its last whole line, and from there on later."""
    path = tmp_path / "access.log"
    path.write_bytes(b"one\ntwo\nthr")
    first = list(blocks(str(path), io.BytesIO(), whole=True))
    assert (first[-1].read(), first[-1].end) == (b"one\ntwo\n", 8)
    path.write_bytes(b"one\ntwo\nthree\n")
    assert [block.read() for block in blocks(str(path), io.BytesIO(), begin=8, whole=True)] == [b"three\n"]


def test_zstd_files_are_read(tmp_path: Path) -> None:
    """Through the standard library or the zstd program."""
    path = tmp_path / "access.log.zst"
    subprocess.run([require("zstd", "zstd"), "-q", "-o", path], input=b"".join(LINES), check=True)
    assert lines_of(str(path))[:3] == LINES[:3]
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(InputError, match="cut short or damaged"):
        lines_of(str(path))


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """Missing, a folder, or cut short."""
    with pytest.raises(InputError, match=r"none\.log: cannot be read: No such file"):
        lines_of(str(tmp_path / "none.log"))
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        lines_of(str(tmp_path))
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"line\n" * 1000)[:-10])
    with pytest.raises(InputError, match=r"cut\.gz: the compressed data is cut short or damaged"):
        lines_of(str(path))

import bz2
import gzip
import io
import lzma
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from forecasting.core.errors import InputError
from forecasting.sources.lines import LONGEST_LINE, read_lines
from tests.conftest import require

LINES = [b"one\n", b"\n", b"\xff\x00 two \x01\n", b"x" * (LONGEST_LINE + 5000) + b"\n", b"last"]
CUT = [*LINES[:3], b"x" * (LONGEST_LINE + 1), LINES[4]]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_lines_are_the_same_however_they_are_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """From a file or from a pipe; a line over the limit arrives cut and the next one whole."""
    data = pack(b"".join(LINES))
    path = tmp_path / "access.log"
    path.write_bytes(data)
    assert list(read_lines(str(path), io.BytesIO())) == CUT
    assert list(read_lines("-", io.BytesIO(data))) == CUT


def test_zstd_files_are_read(tmp_path: Path) -> None:
    """Through the standard library or the zstd program."""
    path = tmp_path / "access.log.zst"
    subprocess.run([require("zstd", "zstd"), "-q", "-o", path], input=b"".join(LINES), check=True)
    assert list(read_lines(str(path), io.BytesIO())) == CUT
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(InputError, match="cut short or damaged"):
        list(read_lines(str(path), io.BytesIO()))


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """Missing, a folder, or cut short."""
    with pytest.raises(InputError, match=r"none\.log: cannot be read: No such file"):
        list(read_lines(str(tmp_path / "none.log"), io.BytesIO()))
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        list(read_lines(str(tmp_path), io.BytesIO()))
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"line\n" * 1000)[:-10])
    with pytest.raises(InputError, match=r"cut\.gz: the compressed data is cut short or damaged"):
        list(read_lines(str(path), io.BytesIO()))

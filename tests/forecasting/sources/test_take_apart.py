"""Fields that are found all at once are those that the parser of single lines reads."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.sources.parsers import LineParser
from forecasting.sources.take_apart import instants, take_apart
from tests.forecasting.sources.test_ingest import common

GOOD = b'h1.example - bob [23/Nov/2026:08:00:05 +0100] "GET /a?b=c HTTP/1.1" 200 12 "https://x/" "Fire fox"'
PIECES = [
    b"", b" ", b'"', b'" "', b"[", b"]", b"\\", b"\r", b"\t", b"\x00", b"\xff", b"-", b"0", b"59", b"a", b":",
    b' 200 5 "', b'[23/Nov/2026:08:00:05 +0100] "', b"[23/Foo/2026:08:00:05 +0100]", b'" 404 -',
]  # fmt: skip


def mangled(line: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    """Return the line with pieces put in the place of others."""
    for place, length, piece in cuts:
        place %= len(line) + 1
        line = line[:place] + piece + line[place + length :]
    return line.replace(b"\n", b"")


CUTS = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 9), st.sampled_from(PIECES)), max_size=3)
LINES = st.builds(mangled, st.sampled_from([GOOD, common(3, status=503), GOOD.partition(b' "https')[0]]), CUTS)


@given(st.lists(LINES, min_size=1, max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_what_fits_is_what_the_parser_of_lines_reads(lines: list[bytes], ending: bytes) -> None:
    """Whatever happens to a line: either it does not fit, or client, time, request, status and agent are the same."""
    data = b"".join(line + ending for line in lines)
    fields, parser = take_apart(data), LineParser()
    at = instants(data, fields, parser)
    assert len(fields.begin) == len(lines)
    for n, line in enumerate(lines):
        assert data[fields.begin[n] : fields.end[n]].rstrip(b"\r") == line.rstrip(b"\r")
        if not fields.fits[n]:
            assert math.isnan(at[n])
            continue
        event = LineParser().parse(line)
        if event is None:
            assert math.isnan(at[n])
            continue
        request, agent = (data[begin[n] : end[n]] for begin, end in (fields.request, fields.agent))
        assert data[fields.begin[n] : fields.client[n]] == event.client
        assert (at[n], fields.status[n]) == (event.at, event.status)
        assert agent.decode("utf-8", "replace") == event.agent
        words = request.decode("utf-8", "replace").split(" ")
        assert (words[1] if len(words) > 1 else words[0]) == event.path


@pytest.mark.parametrize(
    "line", [GOOD, GOOD + b' "more" 0.004', common(1), GOOD.partition(b' "https')[0], GOOD + b"\r"]
)
def test_usual_lines_fit(line: bytes) -> None:
    """Combined, Common, with more at the end, and with the line ends of other systems."""
    assert take_apart(line + b"\n").fits.tolist() == [True]


@pytest.mark.parametrize(
    "line",
    [
        b"", b"nonsense", b'{"ts": 1}', re.sub(rb"Fire", rb"Fi\\\\re", GOOD), GOOD.replace(b" 200 ", b" 2x0 "),
        GOOD.replace(b"12 ", b"1x2 "), GOOD.replace(b"/a?", b'/a"?'), b"x" * 40_000,
    ],
)  # fmt: skip
def test_unusual_lines_do_not(line: bytes) -> None:
    """They are left to the parser of single lines."""
    assert take_apart(line + b"\n").fits.tolist() == [False]

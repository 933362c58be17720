"""A short run of the fuzzer (`make proof` has the long one), and what it has found once."""

import pytest

from tests.conformance.fuzz import fuzz
from tests.conformance.heads import HEAD, heads

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_sent_nothing_breaks(seed: int) -> None:
    """Several hundred connections with requests and answers that are nearly HTTP."""
    assert await fuzz(seed, seconds=20, most=480) == 480


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n"
TRAILED = CHUNKED + b"0\r\nX-T: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("answers", "valid"),
    [
        (OK + CHUNKED + b"0\r\n\r\n" + OK, [True, True, True]),
        (TRAILED + b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n" + OK, [True] * 4),
        (OK[:-2] + OK, [True, True]),
        (OK + b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nuntil the end", [True, True]),
        (OK + OK[:20], [True]),
        (CHUNKED + b"4\r\nab", [True]),
        (OK + b"!" + OK, [True, False]),
        (OK + b"left over", [True, False]),
        (CHUNKED + b"!\r\n" + OK, [True, False]),
        (OK.replace(b"OK\r\n", b"OK\r\nno field\r\n"), [False]),
        (OK.replace(b"OK\r\n", b"OK\r\nA: b\nc\r\n") + OK, [False, True]),
    ],
)
def test_the_head_of_every_answer_is_looked_at(answers: bytes, valid: list[bool]) -> None:
    """Those behind the first are found by its length, and bytes between two are no head."""
    assert [HEAD.fullmatch(head) is not None for head in heads(answers)] == valid

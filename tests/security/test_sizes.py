"""What is too large, or not HTTP at all: refused with a status of 4xx, and nothing of the inside is shown."""

import pytest

from tests.security.conftest import Answer, Entrance

INSIDE = (b"Traceback", b'File "', b"aiohttp", b".py", b"site-packages")


def shows_the_inside(answer: Answer) -> bool:
    """Whether the body tells of code."""
    return any(word in answer.body for word in INSIDE)


async def test_oversized_fields_are_refused(full: Entrance) -> None:
    """A cookie, a field, a target or a number of fields beyond the limits is answered with 4xx."""
    many = [f"X-{number}: b" for number in range(300)]
    for target, fields in (
        ("/booking", [f"Cookie: a={'x' * 9000}"]),
        ("/booking", [f"Cookie: talon_pass={'x' * 100_000}"]),
        ("/booking", [f"Talon-Ticket: {'x' * 9000}"]),
        ("/booking", [f"{'X' * 9000}: b"]),
        ("/booking", many),
        ("/booking/" + "x" * 9000, []),
        ("/booking?" + "x" * 9000, []),
    ):
        answer = await full.ask(target, *fields)
        assert 400 <= answer.status < 500, (target[:20], [field[:20] for field in fields[:2]])
        assert not shows_the_inside(answer)
    assert full.backend.asked == []


async def test_large_fields_within_the_limits_wait_like_others(full: Entrance) -> None:
    """Eight thousand characters of cookies, a hundred cookie fields or a long path are no reason for an error."""
    cookies = [f"Cookie: a{number}=b; talon_ticket=x{number}" for number in range(100)]
    for target, fields in (
        ("/booking", [f"Cookie: talon_pass={'a.' * 4000}"]),
        ("/booking", [f"Cookie: {'a=b; ' * 1600}"]),
        ("/booking", ['Cookie: a="; talon_ticket=b; c=\\"; $Path=/; =; ;; talon_pass']),
        ("/booking", cookies),
        ("/booking/" + "x" * 8000, []),
        ("/booking/" + "%41" * 2600, ["Accept: text/html"]),
        ("/booking/" + "../" * 2500 + "booking", []),
    ):
        answer = await full.ask(target, *fields)
        assert answer.status in (202, 503), target[:20]
    assert full.backend.asked == []


@pytest.mark.parametrize(
    "field",
    [b"X: a\x00b", b"X: a\rY: b", b"X: a\nY: b", b"X\x00: a", b"X : a", b": a", b"X", b"X: a\r\n folded", b"X\xff: a"],
)
async def test_fields_that_could_split_a_message_are_refused(full: Entrance, field: bytes) -> None:
    """CR, LF and NUL in names and values, folded lines and broken names are answered with 400."""
    answer = Answer.read(await full.raw(b"GET /about HTTP/1.1\r\nHost: x\r\n" + field + b"\r\n\r\n"))
    assert (answer.status, full.backend.asked) == (400, [])
    assert not shows_the_inside(answer)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /booking\x00 HTTP/1.1",
        b"GET /booking\r HTTP/1.1",
        b"GET /boo\tking HTTP/1.1",
        b"GET /boo\x0bking HTTP/1.1",
        b"GET /boo\xffking HTTP/1.1",
        b"GET /boo king HTTP/1.1",
        b"GET /booking HTTP/9.9",
        b"GET /booking HTTQ/1.1",
        b"GET",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0",
    ],
)
async def test_lines_that_are_not_http_are_refused(full: Entrance, line: bytes) -> None:
    """Control characters, spaces, raw bytes, other versions and other protocols are answered with 400."""
    answer = Answer.read(await full.raw(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert (answer.status, full.backend.asked) == (400, [])
    assert not shows_the_inside(answer)


@pytest.mark.parametrize(
    ("target", "method"),
    [("/booking", "POST"), ("/about", "PUT"), ("/login", "POST"), ("/booking/7/cancel", "POST")],
)
async def test_a_body_beyond_the_limit_is_refused(free: Entrance, target: str, method: str) -> None:
    """A body that is announced as too large is refused with and without a pass, express or not, before it is read."""
    admission = await free.admitted()
    for held in ((), (f"Talon-Pass: {admission}",)):
        answer = await free.ask(target, "Content-Length: 1001", *held, method=method)
        assert (answer.status, free.backend.asked) == (413, [])
    assert (await free.ask(target, f"Talon-Pass: {admission}", method=method, body=b"x" * 1000)).status == 200


async def test_a_length_beyond_all_numbers_is_refused(full: Entrance) -> None:
    """Lengths that no machine holds are 4xx as well."""
    for length in ("9" * 18, "9" * 30, "9" * 5000):
        assert (await full.ask("/about", f"Content-Length: {length}", method="POST")).status in (400, 413)
    assert full.backend.asked == []


async def test_the_ticket_api_reads_small_bodies_only(full: Entrance) -> None:
    """A join with a large, deep or broken body is 4xx, also in chunks, and joins nobody."""
    chunked = b"POST /_talon/tickets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    answers = [Answer.read(await full.raw(chunked + piece * 4 + b"0\r\n\r\n"))]
    answers += [
        await full.ask("/_talon/tickets", method="POST", body=b) for b in (b"x" * 20_000, b"[" * 9000, b"\xff", b"{")
    ]
    assert all(400 <= answer.status < 500 and not shows_the_inside(answer) for answer in answers)
    await full.tick(1)
    assert full.room.view is not None
    assert full.room.view.waiting == 0

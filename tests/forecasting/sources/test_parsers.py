import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forecasting.core.spans import parse_instant
from forecasting.sources.parsers import EARLIEST, LATEST, LineParser

COMMON = b'host.example - - [01/Jul/1995:00:13:34 -0400] "GET /shuttle/ HTTP/1.0" 304 -'
COMBINED = COMMON + b' "http://a.example/" "Mozilla/5.0 (X11; \\"odd\\")"'
OWN = {
    "ts": "2026-11-23T08:00:00.123Z", "method": "GET", "path": "/slots", "status": 202, "class": "journey",
    "decision": "wait", "visit": "v-17",
}  # fmt: skip


def test_common_and_combined_lines_are_read() -> None:
    """Time with its offset, request, status, and the browser where there is one."""
    common, combined = LineParser().parse(COMMON), LineParser().parse(COMBINED)
    assert common is not None
    assert combined is not None
    assert common.at == parse_instant("1995-07-01T04:13:34Z")
    assert (common.client, common.method, common.path, common.status) == (b"host.example", "GET", "/shuttle/", 304)
    assert (common.form, combined.form) == ("common", "combined")
    assert combined.agent == 'Mozilla/5.0 (X11; \\"odd\\")'


def test_the_gateways_own_line_is_read() -> None:
    """Class, decision and visit are kept."""
    event = LineParser().parse(json.dumps(OWN).encode())
    assert event is not None
    assert (event.kind, event.decision, event.visit) == ("journey", "wait", "v-17")
    assert event.at == pytest.approx(parse_instant("2026-11-23T08:00:00Z") + 0.123)


@pytest.mark.parametrize(
    "fields",
    [
        {"time": "01/Jul/1995:00:13:34 -0400", "request": "GET /a?b HTTP/1.1", "remote_addr": "10.0.0.1"},
        {"msec": "804572014.0", "request_uri": "/a", "request_method": "GET"},
        {"timestamp": 804572014000, "uri": "/a", "status": "200"},
        {"time_iso8601": "1995-07-01T00:13:34-04:00", "path": "/a"},
        {"@timestamp": 804572014, "path": "/a", "status": None},
    ],
)
def test_json_lines_of_many_servers_are_read(fields: dict[str, object]) -> None:
    """Usual names and forms of time and path all give the same instant."""
    event = LineParser().parse(json.dumps(fields).encode())
    assert event is not None
    assert event.at == parse_instant("1995-07-01T04:13:34Z")
    assert event.path.startswith("/a")


@pytest.mark.parametrize(
    "line",
    [
        b'h - - [99/Jul/1995:00:13:34 -0400] "GET / HTTP/1.0" 200 1',
        b'h - - [01/Xxx/1995:00:13:34 -0400] "GET / HTTP/1.0" 200 1',
        b'h - - [01/Jul/0001:00:00:00 +2359] "GET / HTTP/1.0" 200 1',
        b'h - - [01/Jul/1995:00:13:34 -9900] "GET / HTTP/1.0" 200 1',
        b'{"ts": "yesterday", "path": "/"}',
        b'{"ts": true, "path": "/"}',
        b'{"ts": 1e300, "path": "/"}',
        b'{"ts": "2026-11-23T08:00:00Z", "path": "/", "status": {}}',
        b"[1, 2]",
    ],
)
def test_impossible_lines_are_none(line: bytes) -> None:
    """A line that cannot be true is not read."""
    assert LineParser().parse(line) is None


@given(st.binary(max_size=300))
@example(b"{" * 5000)
def test_no_bytes_make_the_parser_raise(line: bytes) -> None:
    """Whatever the world sends, the answer is an event in a sane time or None."""
    event = LineParser().parse(line)
    assert event is None or EARLIEST <= event.at < LATEST


@given(st.integers(0, len(COMBINED) - 1), st.binary(min_size=1, max_size=3), st.booleans())
def test_no_damage_to_a_good_line_makes_the_parser_raise(place: int, noise: bytes, own: bool) -> None:
    """A line with bytes overwritten is read or refused."""
    good = json.dumps(OWN).encode() if own else COMBINED
    event = LineParser().parse(good[:place] + noise + good[place + len(noise) :])
    assert event is None or EARLIEST <= event.at < LATEST

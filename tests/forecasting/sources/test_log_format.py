"""Logs of nginx with a `log_format` of one's own, and HAProxy's: read by what the configuration says."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.core.spans import format_instant
from forecasting.sources.log_format import log_pattern
from forecasting.sources.parsers import Event, LineParser

TIMED = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
TIMED += '"$http_user_agent" rt=$request_time uct="$upstream_connect_time"'
BEHIND = (
    "$msec|$http_x_forwarded_for|$remote_addr|$request_method|$scheme://$host${request_uri}|$status|$http_user_agent"
)


def read(log_format: str, line: str) -> Event | None:
    return LineParser(log_pattern(log_format)).parse(line.encode() + b"\n")


def test_combined_with_times_behind_it() -> None:
    """What follows the known variables is passed over."""
    line = (
        '10.0.0.7 - - [23/Nov/2026:08:00:01 +0300] "GET /slots?d=1 HTTP/1.1" 200 512 "-" "Mozilla/5.0" rt=0.02 uct="-"'
    )
    event = read(TIMED, line)
    assert event is not None
    assert (format_instant(event.at), event.client, event.method, event.path, event.status, event.agent) == (
        "2026-11-23T05:00:01Z",
        b"10.0.0.7",
        "GET",
        "/slots?d=1",
        200,
        "Mozilla/5.0",
    )


def test_the_first_address_of_a_chain_of_proxies_is_who_asked() -> None:
    """Behind a proxy the peer is always the same; where the field is empty the peer counts."""
    line = "1795420801.250|203.0.113.9, 10.0.0.1|10.0.0.1|POST|https://portal/book?x=%7C|503|curl"
    event = read(BEHIND, line)
    assert event is not None
    assert (event.client, event.method, event.path, event.status) == (b"203.0.113.9", "POST", "/book?x=%7C", 503)
    assert event.at == pytest.approx(1795420801.25)
    direct = read(BEHIND, line.replace("203.0.113.9, 10.0.0.1", "-"))
    assert direct is not None
    assert direct.client == b"10.0.0.1"


def test_a_chain_of_proxies_may_stand_between_spaces() -> None:
    """nginx puts a comma and a space between the addresses; they are one value all the same."""
    event = read("$http_x_forwarded_for $msec $status $uri", "203.0.113.9, 10.0.0.1 1795420801.250 200 /slots")
    assert event is not None
    assert (event.client, event.path) == (b"203.0.113.9", "/slots")


@pytest.mark.parametrize("stamp", ["2026-11-23T08:00:01+03:00", "2026-11-23T05:00:01Z"])
def test_iso_times_are_read_with_their_offset(stamp: str) -> None:
    """`$time_iso8601` names its zone."""
    event = read("$time_iso8601 $status $request_uri", f"{stamp} 200 /doctors")
    assert event is not None
    assert format_instant(event.at) == "2026-11-23T05:00:01Z"


@pytest.mark.parametrize(
    ("log_format", "said"),
    [
        ('$remote_addr "$request" $status', r"no time in it; expected \$time_local or \$time_iso8601 or \$msec"),
        ("[$time_local] $status", r"no path in it; expected \$request or \$request_uri or \$uri"),
        ('[$time_local] "$request"', r"no status in it; expected \$status"),
        (
            '[$time_local] "$request" $status$request_time',
            r"nothing stands between \$status and \$request_time",
        ),
    ],
)
def test_a_format_that_says_too_little_is_refused(log_format: str, said: str) -> None:
    """The sentence names what is missing."""
    with pytest.raises(InputError, match=said):
        log_pattern(log_format)


@given(st.binary(max_size=300))
def test_no_line_makes_a_parser_fail(line: bytes) -> None:
    """Whatever the bytes: an event or none."""
    for parser in (LineParser(log_pattern(TIMED)), LineParser(log_pattern(BEHIND)), LineParser()):
        event = parser.parse(line)
        assert event is None or event.status >= 0


HAPROXY = (
    "Feb  6 12:14:14 lb haproxy[14389]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 "
    '10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {portal} {} "GET /slots HTTP/1.1"'
)


@pytest.mark.parametrize("prefix", [True, False])
def test_haproxys_own_form_is_known(prefix: bool) -> None:
    """With what syslog puts in front and without; its times are local, in the zone that is named."""
    line = HAPROXY if prefix else HAPROXY.partition("]: ")[2]
    event = LineParser(zone=ZoneInfo("Europe/Moscow")).parse(line.encode())
    assert event is not None
    assert (event.form, event.client, event.method, event.path, event.status) == (
        "haproxy",
        b"10.0.1.2",
        "GET",
        "/slots",
        200,
    )
    assert format_instant(event.at) == "2026-02-06T09:14:14Z"

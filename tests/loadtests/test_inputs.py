"""Typed input is understood or refused by the name of its option."""

import pytest

from loadtests.inputs import BadInput, parse_duration, parse_listen, parse_span, parse_url
from loadtests.plan import PeakPlan, Progress
from loadtests.users.habits import Habits


def test_good_input_is_understood() -> None:
    """Durations carry units; addresses have a port."""
    assert parse_duration("40ms", "--x") == pytest.approx(0.04)
    assert parse_span("300ms-1.2s", "--x") == (pytest.approx(0.3), pytest.approx(1.2))
    assert parse_listen("127.0.0.1:0", "--x") == ("127.0.0.1", 0)
    assert parse_listen("[::1]:9001", "--x") == ("::1", 9001)
    assert parse_url("http://localhost:8080/", "--x") == "http://localhost:8080"


@pytest.mark.parametrize("text", ["40", "s", "-1s", "1 day", ""])
def test_a_bad_duration_is_refused(text: str) -> None:
    """A number without a unit is not a duration."""
    with pytest.raises(BadInput, match="--x: expected a duration with a unit"):
        parse_duration(text, "--x")


@pytest.mark.parametrize("text", ["1s", "2s-1s", "1-2"])
def test_a_bad_span_is_refused(text: str) -> None:
    """Two durations in order, or nothing."""
    with pytest.raises(BadInput, match="--x"):
        parse_span(text, "--x")


@pytest.mark.parametrize("text", ["9001", "host", ":1", "h:99999", "h:x"])
def test_a_bad_address_is_refused(text: str) -> None:
    """Host and port are both needed."""
    with pytest.raises(BadInput, match="--x: expected HOST:PORT"):
        parse_listen(text, "--x")


@pytest.mark.parametrize("text", ["localhost", "ftp://x", "http://", "http://a:b", "http://u@h", "http://[1"])
def test_a_bad_url_is_refused(text: str) -> None:
    """Only plain http and https addresses are taken."""
    with pytest.raises(BadInput, match="--x: expected an address"):
        parse_url(text, "--x")


def test_plan_and_progress_survive_their_lines() -> None:
    """What parent and child tell each other arrives unchanged; anything else is refused."""
    plan = PeakPlan(target="http://h", curve="c", out="o", habits=Habits(think=(0.1, 0.2)), html="x")
    assert PeakPlan.from_json(plan.to_json()) == plan
    counts = {
        "started": 9,
        "active": 8,
        "waiting": 7,
        "booked": 6,
        "gave_up": 5,
        "failed": 4,
        "left": 3,
        "requests": 2,
        "errors": 1,
        "reloads": 0,
    }
    progress = Progress(seconds=1, wall=2, planned=3, cpu_seconds=0.5, **counts)
    assert Progress.from_line(progress.to_line()) == progress
    for line in (b"warning: something", b"{}", b"3"):
        with pytest.raises(ValueError, match=r"."):
            Progress.from_line(line)

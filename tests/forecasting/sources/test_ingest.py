import io
import json
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.core.spans import parse_instant
from forecasting.sources.cleaning import Cleaner, Reason, Rules
from forecasting.sources.ingest import Ingest, Ingested, ingest
from forecasting.sources.masking import masked
from forecasting.sources.parsers import Event
from forecasting.sources.sample import sample_log

BASE = parse_instant("2026-11-23T08:00:00Z")
ALL_KEPT = Rules(static="")


def own(second: float, **fields: object) -> bytes:
    """Return a JSON line `second` seconds after eight o'clock."""
    return json.dumps({"ts": BASE + second, "method": "GET", "path": "/", "status": 200, **fields}).encode()


def run(lines: Iterable[bytes], *, rules: Rules | None = None, width: float = 300.0) -> Ingested:
    """Ingest lines as one log."""
    task = Ingest(width=width, rules=rules or Rules(), salt=b"salt")
    task.read("test.log", lines)
    return task.result()


def test_every_line_of_the_shipped_log_is_accounted_for() -> None:
    """1,000 lines are read; kept and dropped add up to them; the real outage of August is a gap."""
    found = ingest([str(sample_log())], io.BytesIO(), width=300.0, rules=ALL_KEPT, salt=b"s")
    quality = found.quality
    assert (quality.read, quality.kept + sum(quality.dropped.values())) == (1000, 1000)
    assert np.nansum(found.series.values) == quality.kept
    outage = parse_instant("1995-08-02T12:00:00Z")
    assert any(begin < outage < end for begin, end in found.gaps)


def test_static_files_of_the_shipped_log_are_dropped_with_samples() -> None:
    """Images are dropped by default, counted, and at most three are shown, without a host name."""
    found = ingest([str(sample_log())], io.BytesIO(), width=300.0, rules=Rules(), salt=b"s")
    entry = found.document()["dropped"]["static"]
    assert entry["lines"] > 500
    assert len(entry["samples"]) == 3
    assert found.quality.kept + sum(found.quality.dropped.values()) == 1000
    assert "netcom" not in json.dumps(found.document())


@given(st.lists(st.binary(max_size=80) | st.integers(-5000, 900_000).map(own), max_size=80))
def test_kept_and_dropped_always_add_up(lines: list[bytes]) -> None:
    """Whatever is in a log, no line is lost."""
    task = Ingest(width=300.0, rules=Rules(), salt=b"salt")
    task.read("test.log", lines)
    assert task.quality.kept + sum(task.quality.dropped.values()) == task.quality.read == len(lines)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Reason.BLANK),
        (b"nonsense", Reason.BROKEN),
        (b"x" * 40_000, Reason.TOO_LONG),
        (own(1, path="/healthz"), Reason.MONITOR),
        (own(1, user_agent="kube-probe/1.29"), Reason.MONITOR),
        (own(1, user_agent="Mozilla/5.0 (compatible; Googlebot/2.1)"), Reason.BOT),
        (own(1, path="/logo.PNG?v=3"), Reason.STATIC),
        (own(1, **{"class": "static"}), Reason.STATIC),
        (own(1, method="OPTIONS"), Reason.PREFLIGHT),
        (own(1, path="/_talon/rooms/booking"), Reason.GATEWAY_OWN),
        (own(1, decision="shed", visit="a"), Reason.REFUSAL),
        (own(1, decision="wait"), Reason.REFUSAL),
        (own(1, decision="forward"), Reason.NO_VISIT),
    ],
)
def test_each_kind_of_noise_is_dropped_by_its_name(line: bytes, reason: Reason) -> None:
    """One arrival is kept, the noise beside it is counted under its reason."""
    found = run([own(0, path="/book"), line])
    assert found.quality.kept == 1
    assert dict(found.quality.dropped) == {reason: 1}


def test_a_visit_that_waits_and_then_books_counts_once() -> None:
    """Polls and later requests of a visit are the same visit; another visit is another arrival."""
    polls = [own(second, decision="wait", visit="a") for second in (0, 5, 10, 900)]
    later = [own(1000, decision="forward", visit="a"), own(1001, decision="forward", visit="b")]
    found = run([*polls, *later])
    assert found.quality.kept == 2
    assert found.quality.dropped[Reason.SAME_VISIT] == 4


def test_a_reload_within_the_window_is_a_retry_and_a_later_one_is_not() -> None:
    """The same client asking for the same within ten seconds counts once; others are not affected."""
    seconds = ((0, "a"), (4, "a"), (9, "a"), (5, "b"), (30, "a"))
    found = run([own(second, remote_addr=client) for second, client in seconds])
    assert found.quality.kept == 3
    assert found.quality.dropped[Reason.RETRY] == 2


def test_with_a_visit_gap_a_client_counts_once_until_it_is_silent() -> None:
    """Twenty minutes apart is the same visit, an hour apart a new one."""
    lines = [own(second, remote_addr="a", path=f"/{second}") for second in (0, 1200, 2400, 6100)]
    found = run(lines, rules=Rules(visit_gap=1800.0))
    assert found.quality.kept == 2


def test_the_memory_of_clients_is_limited() -> None:
    """Beyond the limit the oldest client is forgotten, and it is counted."""
    cleaner = Cleaner(Rules(remembered=10), b"salt")
    for number in range(25):
        event = Event(BASE, str(number).encode(), "GET", "/", 200, "", "json")
        assert cleaner.judge(event) is None
    assert cleaner.forgotten == 15


def test_one_stray_clock_does_not_stretch_the_log() -> None:
    """A line from 2099 among others is dropped as a clock step; a log that goes on later is kept."""
    lines = [own(n * 60.0, path=f"/{n}") for n in range(60)]
    found = run([*lines[:30], own(2.3e9), *lines[30:], own(-9e8)])
    assert len(found.series) == 12
    assert found.quality.dropped == {Reason.CLOCK_STEP: 2}
    assert found.quality.clock_steps == 0


def test_a_clock_that_steps_back_for_good_is_followed_and_told() -> None:
    """After two hours back the lines count at their new times."""
    before = [own(n * 60.0, path=f"/{n}") for n in range(30)]
    after = [own(n * 60.0 - 7200 + 1800, path=f"/{n}") for n in range(30)]
    found = run([*before, *after])
    assert found.quality.kept == 60
    assert found.quality.clock_steps == 1


def test_an_outage_in_busy_hours_is_a_gap_and_a_bin_of_noise_alone_is_zero() -> None:
    """Where not a line was written there is no number; where only bots came there is a zero."""
    lines = [own(n * 20.0, path=f"/{n}") for n in range(180) if not 60 <= n < 105]
    lines += [own(3600 + n, path="/healthz") for n in range(60)]
    values = run(lines).series.values
    assert np.isnan(values[4:7]).all()
    assert values[-1] == 0
    assert np.nansum(values) == 135


def test_logs_that_hold_nothing_are_refused_in_a_sentence() -> None:
    """Empty, unreadable, or nothing but noise: each is told apart."""
    with pytest.raises(InputError, match=r"test\.log: the log is empty"):
        run([])
    with pytest.raises(InputError, match=r"test\.log: none of 2 lines could be read; expected the Common"):
        run([b"a", b"b"])
    with pytest.raises(InputError, match="none of 1 lines is an arrival; 1 were dropped as static"):
        run([own(0, path="/a.png")])


@pytest.mark.parametrize(
    "line",
    [
        b'198.51.100.7 - ivanov [01/Jul/1995:00:13:34 -0400] "GET /a?phone=4915112345 HTTP/1.0 broken',
        b"pc17.clinic.example ivanov@mail.example 2001:db8::17 phone 4915112345",
        b'{"remote_addr": "198.51.100.7", "user": "ivanov", "host": "pc17.clinic.example", "p": "4915112345',
    ],
)
def test_samples_of_broken_lines_tell_nobody(line: bytes) -> None:
    """Addresses, host names, users and long numbers are masked."""
    shown = masked(line)
    for secret in ("198.51", "ivanov", "clinic", "2001:db8", "4915112345", "mail.example"):
        assert secret not in shown
    assert "***" in shown

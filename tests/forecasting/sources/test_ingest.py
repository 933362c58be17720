import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.core.spans import parse_instant
from forecasting.sources.cleaning import Reason, Rules
from forecasting.sources.ingest import Ingest, Ingested
from forecasting.sources.masking import masked
from forecasting.sources.parsers import LineParser
from forecasting.sources.quality import spans_of
from forecasting.sources.run import HowToRead, ingest
from forecasting.sources.sample import sample_log

BASE = parse_instant("2026-11-23T08:00:00Z")
ALL_KEPT = Rules(static="")


def own(second: float, **fields: object) -> bytes:
    """Return a JSON line `second` seconds after eight o'clock."""
    return json.dumps({"ts": BASE + second, "method": "GET", "path": "/", "status": 200, **fields}).encode()


def common(second: float, client: str = "a", path: str = "/", status: int = 200, agent: str = "Firefox") -> bytes:
    """Return a line of the Combined form."""
    stamp = datetime.fromtimestamp(BASE + second, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{client} - - [{stamp}] "GET {path} HTTP/1.1" {status} 12 "-" "{agent}"'.encode()


def how(rules: Rules | None = None, **options: Any) -> HowToRead:
    """Return how logs are read in these tests."""
    return HowToRead(rules=rules or Rules(), salt=b"salt", parser=LineParser(), **options)


def run(lines: Iterable[bytes], *, rules: Rules | None = None, width: float = 300.0) -> Ingested:
    """Ingest lines as one log, in blocks of a few lines."""
    reading, task = how(rules), Ingest(width=width, rules=rules or Rules())
    reader = reading.reader()
    task.begin("test.log")
    text = list(lines)
    for first in range(0, len(text), 7):
        task.take(reader.read(b"".join(line + b"\n" for line in text[first : first + 7])))
    task.end()
    return task.result()


def test_every_line_of_the_shipped_log_is_accounted_for() -> None:
    """1,000 lines are read; kept and dropped add up to them; the real outage of August is a gap."""
    found = ingest([str(sample_log())], io.BytesIO(), width=300.0, how=how(ALL_KEPT))
    quality = found.quality
    assert (quality.read, quality.kept + sum(quality.dropped.values())) == (1000, 1000)
    assert np.nansum(found.series.values) == quality.kept
    outage = parse_instant("1995-08-02T12:00:00Z")
    assert any(begin < outage < end for begin, end in spans_of(found.gaps, found.series.start, 300.0))


def test_static_files_of_the_shipped_log_are_dropped_with_samples() -> None:
    """Images are dropped by default, counted, and at most three are shown, without a host name."""
    found = ingest([str(sample_log())], io.BytesIO(), width=300.0, how=how())
    entry = found.document()["dropped"]["static"]
    assert entry["lines"] > 500
    assert len(entry["samples"]) == 3
    assert found.quality.kept + sum(found.quality.dropped.values()) == 1000
    assert "netcom" not in json.dumps(found.document())


LINES = st.one_of(
    st.binary(max_size=80).map(lambda line: line.replace(b"\n", b"")),
    st.builds(own, st.integers(-5000, 900_000), visit=st.sampled_from("abc"), person=st.sampled_from(["", "p"])),
    st.builds(own, st.integers(0, 5000), remote_addr=st.sampled_from("abc"), status=st.sampled_from([200, 503])),
    st.builds(common, st.integers(0, 5000), st.sampled_from("abc"), st.sampled_from(["/", "/b", "/x.png", '/"'])),
)


@given(st.lists(LINES, max_size=80))
def test_kept_and_dropped_always_add_up(lines: list[bytes]) -> None:
    """Whatever is in a log, no line is lost."""
    task = Ingest(width=300.0, rules=Rules())
    task.begin("test.log")
    task.take(how().reader().read(b"".join(line + b"\n" for line in lines)))
    task.end()
    assert task.quality.kept + sum(task.quality.dropped.values()) == task.quality.read == len(lines)
    assert sum(task.tally.lines.values()) <= len(lines)


@given(st.lists(LINES, min_size=1, max_size=60), st.integers(1, 20))
def test_blocks_of_any_size_give_the_same(lines: list[bytes], size: int) -> None:
    """Where a log is cut into blocks changes neither the counts nor the reasons."""
    found = []
    for each in (size, len(lines)):
        task, reader = Ingest(width=300.0, rules=Rules()), how().reader()
        task.begin("test.log")
        for first in range(0, len(lines), each):
            task.take(reader.read(b"".join(line + b"\n" for line in lines[first : first + each])))
        task.end()
        found.append((task.tally.arrivals, task.tally.lines, task.quality.dropped))
    assert found[0] == found[1]


@given(st.lists(st.builds(common, st.integers(0, 60), st.sampled_from("ab"), st.sampled_from(["/", "/b"]),
                          st.sampled_from([200, 503])), min_size=1, max_size=60))  # fmt: skip
def test_retries_are_those_of_a_plain_loop(lines: list[bytes]) -> None:
    """Columns and windows against the obvious loop: a line repeats the one before of the same client and request."""
    before: dict[tuple[bytes, str], tuple[float, float]] = {}
    kept = 0
    for line in lines:
        event = LineParser().parse(line)
        assert event is not None
        at, window = before.get((event.client, event.path), (0.0, -1.0))
        kept += not abs(event.at - at) <= window
        before[event.client, event.path] = (event.at, 1800.0 if event.status == 503 else 10.0)
    assert run(lines).quality.kept == kept


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
        (own(1, decision="shed"), Reason.REFUSAL),
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


def test_somebody_who_was_refused_and_asks_again_counts_once() -> None:
    """Demand is what people wanted: reloads of a refusal are one wish, whether they get through in the end or not."""
    seconds = ((0, 503), (40, 503), (90, 503), (160, 200), (300, 200))
    found = run([common(second, status=status) for second, status in seconds])
    assert found.quality.kept == 2
    assert found.quality.dropped == {Reason.RETRY: 3}


def test_who_is_turned_away_by_the_gateway_counts_once_and_joins_as_the_same() -> None:
    """The gateway's log names a person by a hash: three refusals, then a visit; another person is another."""
    lines = [own(second, decision="shed", person="p") for second in (0, 30, 60)]
    lines += [own(90, decision="wait", visit="a", person="p"), own(95, decision="wait", visit="a")]
    lines += [own(96, decision="shed", person="q"), own(99, decision="wait", visit="b", person="r")]
    found = run(lines)
    assert found.quality.kept == 3
    assert found.quality.dropped == {Reason.SAME_VISIT: 4}


def test_rooms_classes_and_regions_are_counted_apart() -> None:
    """What the log says goes first; a classifier says the rest; the sum is the whole."""
    lines = [own(1, visit="a", room="booking", region="north", **{"class": "visit"}), common(2, path="/login")]
    task = Ingest(width=300.0, rules=Rules())
    task.begin("test.log")
    task.take(
        how(classify=lambda method, path: ("booking", f"{method}{path}")).reader().read(b"\n".join([*lines, b""]))
    )
    task.end()
    found = task.result()
    assert sorted(found.groups) == [("booking", "GET/login", ""), ("booking", "visit", "north")]
    assert np.nansum(found.series.values) == 2


def test_what_the_gateway_calls_static_is_noise_in_other_logs_too() -> None:
    """With its classes at hand, a class of noise is dropped under its name, whatever the path looks like."""
    task = Ingest(width=300.0, rules=Rules())
    task.begin("test.log")
    reader = how(classify=lambda method, path: ("", "static" if path == "/bundle" else "visit")).reader()
    task.take(reader.read(b"\n".join([common(1, path="/bundle"), common(2), own(3, path="/bundle"), b""])))
    task.end()
    assert (task.quality.kept, task.quality.dropped) == (1, {Reason.STATIC: 2})


def test_counting_alone_takes_every_line_with_a_time() -> None:
    """Bots, images and repetitions count; a line without a time does not."""
    lines = [common(1), common(1), common(2, path="/a.png"), common(3, agent="curl/8")]
    assert run(lines, rules=Rules(counting=True)).quality.kept == 4
    found = run([*lines, b"nonsense", own(5)], rules=Rules(counting=True))
    assert (found.quality.kept, found.quality.dropped) == (5, {Reason.BROKEN: 1})


def test_the_memory_of_clients_is_limited() -> None:
    """Beyond the limit the client that was not seen for longest is forgotten, and it is counted."""
    found = run([common(n / 10, client=str(n)) for n in range(35)], rules=Rules(remembered=10))
    assert (found.quality.kept, found.quality.forgotten) == (35, 25)


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

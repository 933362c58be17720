"""An incremental ingest counts each line once, whatever becomes of the files."""

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.core.errors import InputError
from forecasting.sources.cleaning import Reason
from forecasting.sources.resume import Progress, read_progress, write_progress
from forecasting.sources.run import ingest
from tests.forecasting.sources.test_ingest import common, how


def go_on(state: Path, *logs: Path) -> Progress:
    """Read the logs from where the last run ended, and return the state after it."""
    progress = read_progress(state, 300.0)
    ingest([str(log) for log in logs], io.BytesIO(), width=300.0, how=how(), progress=progress)
    write_progress(state, progress)
    return read_progress(state, 300.0)


def lines(first: int, last: int) -> bytes:
    """Return one line a minute, each of another client."""
    return b"".join(common(60.0 * n, client=f"c{n}") + b"\n" for n in range(first, last))


def test_a_log_that_grows_is_counted_once(tmp_path: Path) -> None:
    """Each run reads what is new; a run without anything new changes nothing; half a line waits."""
    log, state = tmp_path / "access.log", tmp_path / "state.json"
    log.write_bytes(lines(0, 30))
    assert go_on(state, log).quality.kept == 30
    log.write_bytes(lines(0, 50) + lines(50, 51)[:40])
    assert go_on(state, log).quality.kept == 50
    assert go_on(state, log).quality.kept == 50
    log.write_bytes(lines(0, 51))
    found = go_on(state, log)
    assert (found.quality.kept, found.quality.read) == (51, 51)
    assert sum(found.tally.lines.values()) == 51


@pytest.mark.parametrize("rotation", ["renamed", "packed", "copied and emptied"])
def test_rotation_neither_loses_nor_repeats_a_line(tmp_path: Path, rotation: str) -> None:
    """Lines written just before the rotation are found in the old file, new ones in the new file."""
    log, old, state = tmp_path / "access.log", tmp_path / "access.log.1", tmp_path / "state.json"
    log.write_bytes(lines(0, 30))
    go_on(state, log)
    whole = lines(0, 40)
    if rotation == "renamed":
        log.rename(old)
        old.write_bytes(whole)
    elif rotation == "packed":
        old = tmp_path / "access.log.1.gz"
        old.write_bytes(gzip.compress(whole))
    else:
        old.write_bytes(whole)
    log.write_bytes(lines(40, 60))
    assert go_on(state, old, log).quality.kept == 60
    log.write_bytes(lines(40, 70))
    assert go_on(state, old, log).quality.kept == 70


def test_a_retry_across_two_runs_is_still_a_retry(tmp_path: Path) -> None:
    """The last lines before the offset are looked at again, and counted once."""
    log, state = tmp_path / "access.log", tmp_path / "state.json"
    log.write_bytes(common(0) + b"\n")
    go_on(state, log)
    log.write_bytes(common(0) + b"\n" + common(4) + b"\n")
    found = go_on(state, log)
    assert (found.quality.kept, found.quality.read, found.quality.dropped[Reason.RETRY]) == (1, 2, 1)


@given(cuts=st.lists(st.integers(0, 3000), max_size=6))
def test_wherever_a_run_ends_the_sum_is_that_of_one_run(
    cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any number of runs over a growing file counts what one run over the whole file does."""
    folder = tmp_path_factory.mktemp("cuts")
    log, state = folder / "access.log", folder / "state.json"
    whole = b"".join(common(7.0 * n, client="ab"[n % 2], status=(200, 503)[n % 5 == 0]) + b"\n" for n in range(40))
    for size in (*sorted(cuts), len(whole)):
        log.write_bytes(whole[:size])
        if whole[:size].count(b"\n"):
            found = go_on(state, log)
    alone = ingest([str(log)], io.BytesIO(), width=300.0, how=how())
    assert found.quality.dropped == alone.quality.dropped
    assert found.quality.kept == alone.quality.kept


def test_a_state_that_cannot_be_gone_on_with_is_one_sentence(tmp_path: Path) -> None:
    """Cut short, from the future, or of other bins; standard input has no offset."""
    state, log = tmp_path / "state.json", tmp_path / "access.log"
    log.write_bytes(lines(0, 3))
    go_on(state, log)
    with pytest.raises(InputError, match=r"--bin: .*state\.json counts bins of 300s"):
        read_progress(state, 900.0)
    text = state.read_text()
    state.write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match=r"state\.json: damaged .*; remove it and ingest all logs again"):
        read_progress(state, 300.0)
    state.write_text('{"format": 99}')
    with pytest.raises(InputError, match=r"state\.json: format 99; this version of talon reads 1"):
        read_progress(state, 300.0)
    with pytest.raises(InputError, match="--incremental: standard input cannot be gone on with"):
        read_progress(tmp_path / "none.json", 300.0).begin_of("-", io.BytesIO())

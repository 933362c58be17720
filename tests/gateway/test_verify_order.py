"""Recomputing an order: by the command, and by the twenty lines that the documents give to anyone."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.core.cohort import Cohort
from gateway.errors import ConfigError
from gateway.verify_order import fetch, verify
from gateway.web.opening_facts import published
from tests.integration.processes import talon_here

SEED = bytes(range(32))
COHORT = Cohort(opens_at=1_795_420_800, seed=SEED, opened=True, ranges={"urgent": (0, 12), "regular": (380, 1234)})
EXPLANATION = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "openings.md"


def document(**changes: object) -> bytes:
    opening: dict[str, Any] = {**published(COHORT), **changes}
    return json.dumps({"room": "booking", "opening": opening}).encode()


def test_every_ticket_gets_the_position_at_which_it_is_called() -> None:
    """Before, in and behind the cohort of each lane the command's position is the caller's."""
    for lane, numbers in (("urgent", range(1, 20)), ("regular", range(370, 1250, 7))):
        for number in numbers:
            found = verify(document(), lane, number)
            assert COHORT.ticket(lane, found.position) == number
            assert found.shuffled is COHORT.covers(lane, number)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (b"not json", "expected a now-serving document"),
        (b'{"room": "booking", "lanes": {}}', "a room with an opening"),
        (b'{"opening": 7}', "expected an object"),
        (document(seed=None), "has not opened yet"),
        (document(seed="00"), "expected opens_at, seed"),
        (document(cohort={"regular": [9, 3]}), "expected opens_at, seed"),
        (document(cohort=None), "expected opens_at, seed"),
        (document(seed="00" * 32), "not the one that was committed to"),
        (document(cohort={"other": [0, 3]}), "--lane: expected one of ['other']"),
    ],
)
def test_what_does_not_agree_is_said(changed: bytes, said: str) -> None:
    """A document that is none, not yet complete or not honest is refused with the reason."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        verify(changed, "regular", 400)


def test_the_hash_that_was_noted_before_must_be_that_of_the_seed() -> None:
    """Seed and hash exchanged together after the opening are found out by whoever noted the hash before."""
    seed = bytes(32)
    exchanged = document(seed=seed.hex(), seed_hash=hashlib.sha256(seed).hexdigest())
    assert verify(document(), "regular", 400, COHORT.seed_hash).shuffled
    with pytest.raises(ConfigError, match="another seed was committed to"):
        verify(exchanged, "regular", 400, COHORT.seed_hash)


def test_the_command_says_position_and_commitment(tmp_path: Path) -> None:
    """talon verify-order prints where the ticket stood; what cannot be checked ends with code 2 and one line."""
    file = tmp_path / "served.json"
    file.write_bytes(document())
    asked = ("verify-order", "--document", file, "--lane", "regular")
    done = talon_here(*asked, "--number", 400)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"position  {COHORT.position('regular', 400)}",
        f"cohort    {COHORT.position('regular', 400) - 380} of 854, shuffled",
        f"seed      fits its commitment {COHORT.seed_hash}",
    ]
    assert "only tickets 381 to 1234 were shuffled" in talon_here(*asked, "--number", 5).out
    refused = talon_here(*asked, "--number", 0)
    assert (refused.code, refused.err) == (2, "talon: --number: ticket numbers begin at 1, got 0\n")
    absent = talon_here("verify-order", "--document", tmp_path / "no.json", "--lane", "regular", "--number", 1)
    assert (absent.code, absent.err.count("\n")) == (2, 1)
    with pytest.raises(ConfigError, match="cannot be read"):
        fetch("http://127.0.0.1:1/_talon/rooms/booking")


def test_anyone_can_recompute_the_order_with_the_lines_of_the_documents(tmp_path: Path) -> None:
    """The stand-alone program of docs/explanation/openings.md, run as printed, gives the positions of the caller."""
    blocks = re.findall(r"^```python\n(.*?)^```$", EXPLANATION.read_text(encoding="utf-8"), re.M | re.S)
    program, file = tmp_path / "recompute.py", tmp_path / "served.json"
    program.write_text(blocks[0])
    assert len(blocks[0].splitlines()) <= 22
    file.write_bytes(document())
    for lane, number in (("urgent", 1), ("urgent", 12), ("regular", 381), ("regular", 1000), ("regular", 1234)):
        done = subprocess.run(
            [sys.executable, "-I", program, file, lane, str(number)], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == COHORT.position(lane, number)

"""The cohort of an opening: positions, what a store may hold next, and what the leader asks of it."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.cohort import UNKNOWN, Cohort, CohortChange, held_after, newest, wanted_cohort
from gateway.core.known_openings import Opening

SEED, OTHER = bytes(range(32)), bytes(32)
PENDING = Cohort(opens_at=1000, seed=SEED, ranges={"urgent": (0, 0), "regular": (10, 0)})
OPENED = replace(PENDING, opened=True, ranges={"urgent": (0, 5), "regular": (10, 30)})
OPENING = Opening(opens_at=1000, begins_at=900.0)


@given(st.integers(0, 50), st.integers(1, 300), st.integers(1, 50), st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_positions_and_tickets_are_each_others_inverse(first: int, size: int, late: int, seed: bytes) -> None:
    """Before, in and behind the cohort every position has one ticket, and only the cohort is shuffled."""
    cohort = Cohort(opens_at=1000, seed=seed, opened=True, ranges={"regular": (first, first + size)})
    everybody = range(1, first + size + late + 1)
    positions = [cohort.position("regular", number) for number in everybody]
    assert sorted(positions) == list(everybody)
    assert [cohort.ticket("regular", position) for position in positions] == list(everybody)
    assert positions[:first] == list(range(1, first + 1))
    assert positions[first + size :] == list(range(first + size + 1, first + size + late + 1))


def test_before_the_opening_the_numbers_count_and_the_cohort_is_held_back() -> None:
    """Tickets up to `first` may be called, those above it not; nobody has been shuffled."""
    assert [PENDING.holds_back("regular", number) for number in (10, 11, 99)] == [False, True, True]
    assert PENDING.position("regular", 11) == 11
    assert PENDING.limit("regular", 40) == 10
    assert not PENDING.passed({"urgent": 99, "regular": 99})
    assert PENDING.size({"urgent": 2, "regular": 25}) == 17


def test_after_the_opening_nobody_is_held_back() -> None:
    """The borders are frozen, late arrivals stand behind, and the cohort is through when `serving` has reached them."""
    assert not OPENED.holds_back("regular", 31)
    assert (OPENED.covers("regular", 10), OPENED.covers("regular", 30), OPENED.covers("regular", 31)) == (0, 1, 0)
    assert OPENED.limit("regular", 40) == 40
    assert OPENED.size({"urgent": 50, "regular": 50}) == 25
    assert [OPENED.passed({"urgent": 5, "regular": n}) for n in (29, 30, 31)] == [False, True, True]


def test_the_seed_stays_inside_until_the_opening() -> None:
    """Its SHA-256 is known from the start, the seed itself afterwards, and neither is in the text of the object."""
    assert PENDING.seed_hash == hashlib.sha256(SEED).hexdigest()
    assert (PENDING.published_seed, OPENED.published_seed) == (None, SEED.hex())
    assert SEED.hex() not in repr(PENDING)
    assert repr(SEED) not in repr(PENDING)
    with pytest.raises(ValueError, match="32 bytes"):
        Cohort(opens_at=1, seed=b"short")


def test_the_caller_gets_the_next_tickets_of_the_cohort_only() -> None:
    """From the position behind `serving`, at most so many, none before the opening and none behind the cohort."""
    assert PENDING.tickets("regular", 3, 5) == (11, [])
    start, tickets = OPENED.tickets("regular", 0, 6)
    assert (start, tickets) == (11, [OPENED.ticket("regular", position) for position in range(11, 17)])
    assert OPENED.tickets("regular", 28, 6) == (29, [OPENED.ticket("regular", 29), OPENED.ticket("regular", 30)])
    assert OPENED.tickets("regular", 30, 6) == (31, [])
    assert OPENED.tickets("elsewhere", 0, 6) == (1, [])


ISSUED = {"urgent": 5, "regular": 30}


def test_a_store_begins_opens_and_then_keeps_its_cohort() -> None:
    """The first seed and the borders of the right moments count, whatever is asked for later."""
    held, change = held_after(None, Cohort(opens_at=1000, seed=SEED), {"urgent": 0, "regular": 10}, {})
    assert (held, change) == (PENDING, CohortChange.BEGUN)
    assert held_after(held, Cohort(opens_at=1000, seed=OTHER), ISSUED, {}) == (PENDING, CohortChange.SAME)
    held, change = held_after(held, Cohort(opens_at=1000, seed=OTHER, opened=True), ISSUED, {})
    assert (held, change) == (OPENED, CohortChange.OPENED)
    later = {"urgent": 50, "regular": 300}
    assert held_after(held, replace(OPENED, ranges={}), later, {}) == (OPENED, CohortChange.SAME)


def test_a_new_cohort_waits_for_the_former_one() -> None:
    """While one of the former cohort is not called the store keeps it; then the next one begins."""
    following = Cohort(opens_at=2000, seed=OTHER)
    assert held_after(PENDING, following, ISSUED, {}) == (PENDING, CohortChange.BUSY)
    assert held_after(OPENED, following, ISSUED, {"urgent": 5, "regular": 29}) == (OPENED, CohortChange.BUSY)
    held, change = held_after(OPENED, following, ISSUED, {"urgent": 5, "regular": 30})
    assert (held.opens_at, held.ranges, change) == (2000, {"urgent": (5, 0), "regular": (30, 0)}, CohortChange.BEGUN)


def test_the_leader_begins_with_the_pre_queue_and_opens_at_the_opening() -> None:
    """Nothing is asked for before, between and after; the seed drawn last is used only to begin."""
    assert wanted_cohort(None, None, None, 800.0, OTHER) is None
    assert wanted_cohort(None, None, OPENING, 900.0, SEED) == Cohort(opens_at=1000, seed=SEED)
    assert wanted_cohort(PENDING, PENDING, OPENING, 999.9, OTHER) is None
    wanted = wanted_cohort(PENDING, PENDING, None, 1000.0, OTHER)
    assert wanted == replace(OPENED, ranges={"urgent": (0, UNKNOWN), "regular": (10, UNKNOWN)})
    assert wanted_cohort(OPENED, OPENED, None, 1000.1, OTHER) is None


def test_a_store_that_fell_behind_gets_back_what_was_published() -> None:
    """Without cohort, or with one that has not opened, it is asked to hold the one that this gateway has seen."""
    assert wanted_cohort(None, PENDING, OPENING, 950.0, OTHER) == PENDING
    assert wanted_cohort(None, OPENED, None, 1001.0, OTHER) == OPENED
    assert wanted_cohort(PENDING, OPENED, None, 1001.0, OTHER) == OPENED
    assert [newest(OPENED, PENDING), newest(PENDING, OPENED), newest(None, PENDING), newest(OPENED, None)] == [
        OPENED,
        OPENED,
        PENDING,
        OPENED,
    ]

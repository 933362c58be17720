"""Slots are booked once, whoever tries and from wherever."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.backend.inventory import HOLD_SECONDS, Booking, BookingState, Inventory, SlotTaken

RACER = """
import sys
from pathlib import Path
from loadtests.backend.inventory import Booking, Inventory
path, name = Path(sys.argv[1]), sys.argv[2]
inventory = Inventory(path, doctors=2, slots_per_doctor=100)
print("ready", flush=True)
sys.stdin.readline()
won = 0
for slot in range(200):
    booking = inventory.hold(slot, name, booking_id=f"{name}-{slot}", key=None, now=0.0)
    if isinstance(booking, Booking):
        won += inventory.confirm(booking.id)[1]
inventory.close()
print(won)
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Iterator[Inventory]:
    """Two doctors with a hundred slots each."""
    stock = Inventory(tmp_path / "slots.sqlite", doctors=2, slots_per_doctor=100)
    yield stock
    stock.close()


def hold(
    inventory: Inventory, slot: int, name: str, *, key: str | None = None, now: float = 0.0
) -> Booking | SlotTaken:
    """Hold a slot under a reference made from name and slot."""
    return inventory.hold(slot, name, booking_id=f"{name}-{slot}", key=key, now=now)


@pytest.mark.integration
def test_processes_that_race_share_the_slots_without_overlap(tmp_path: Path) -> None:
    """Three processes that all want every slot win each slot exactly once between them."""
    path = tmp_path / "slots.sqlite"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(path), f"racer{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    wins = [int(racer.communicate("go\n", timeout=60)[0]) for racer in racers]
    stock = Inventory(path, doctors=2, slots_per_doctor=100)
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert sum(wins) == 200 == stock.confirmed()
    assert stock.double_bookings() == 0
    stock.close()


def test_the_second_person_does_not_get_the_slot(inventory: Inventory) -> None:
    """A held slot is taken for everybody else."""
    assert isinstance(hold(inventory, 7, "ann"), Booking)
    assert hold(inventory, 7, "bob") == SlotTaken(slot=7)


def test_the_same_key_gives_the_same_booking(inventory: Inventory) -> None:
    """A repeated request with its key is the booking it made, also after confirmation."""
    first = hold(inventory, 7, "ann", key="k")
    assert isinstance(first, Booking)
    assert hold(inventory, 7, "ann", key="k") == first
    inventory.confirm(first.id)
    again = inventory.hold(7, "ann", booking_id="other", key="k", now=1.0)
    assert isinstance(again, Booking)
    assert (again.id, again.state) == (first.id, BookingState.CONFIRMED)


def test_confirming_twice_counts_once(inventory: Inventory) -> None:
    """The second confirmation answers like the first and changes nothing."""
    hold(inventory, 7, "ann")
    booking, first = inventory.confirm("ann-7")
    same, second = inventory.confirm("ann-7")
    assert booking == same
    assert (first, second, inventory.confirmed()) == (True, False, 1)


def test_cancelling_frees_the_slot(inventory: Inventory) -> None:
    """After a cancellation somebody else may book, and that is no double booking."""
    hold(inventory, 7, "ann")
    inventory.confirm("ann-7")
    cancelled, changed = inventory.cancel("ann-7")
    assert changed
    assert cancelled is not None
    assert cancelled.state is BookingState.CANCELLED
    assert inventory.cancel("ann-7") == (cancelled, False)
    assert isinstance(hold(inventory, 7, "bob"), Booking)
    inventory.confirm("bob-7")
    assert (inventory.confirmed(), inventory.double_bookings()) == (1, 0)


def test_a_hold_ends_by_itself(inventory: Inventory) -> None:
    """A slot held and never confirmed is free again after the time of a hold."""
    hold(inventory, 7, "ann")
    assert 7 not in inventory.free_slots(0, start=0, limit=100, now=HOLD_SECONDS - 1)
    assert 7 in inventory.free_slots(0, start=0, limit=100, now=HOLD_SECONDS + 1)
    assert isinstance(hold(inventory, 7, "bob", now=HOLD_SECONDS + 1), Booking)
    gone, confirmed = inventory.confirm("ann-7")
    assert gone is not None
    assert (gone.state, confirmed) == (BookingState.CANCELLED, False)


def test_the_check_would_see_a_double_booking(inventory: Inventory, tmp_path: Path) -> None:
    """A journal with one slot confirmed twice is reported as one double booking."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "slots.sqlite")) as db, db:
        db.execute("INSERT INTO journal VALUES (7, 1), (7, 1), (8, 1)")
    assert inventory.double_bookings() == 1


@pytest.mark.parametrize("start", [0, 37, 90, 99])
def test_free_slots_are_found_from_any_start(inventory: Inventory, start: int) -> None:
    """Whatever the start, all free slots of the doctor are found, once each, and none of another's."""
    for slot in range(100, 110):
        hold(inventory, slot, "ann")
    free = inventory.free_slots(1, start=start, limit=1000, now=0.0)
    assert sorted(free) == list(range(110, 200))
    assert free[:5] == inventory.free_slots(1, start=start, limit=5, now=0.0)


def test_an_unknown_booking_is_none(inventory: Inventory) -> None:
    """Neither confirm nor cancel invents a booking."""
    assert inventory.confirm("nobody") == (None, False)
    assert inventory.cancel("nobody") == (None, False)


def test_a_slot_that_does_not_exist_is_refused(inventory: Inventory) -> None:
    """A slot beyond the last doctor's is refused by its number."""
    with pytest.raises(ValueError, match="no slot 200"):
        hold(inventory, 200, "ann")

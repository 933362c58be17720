"""Slots that can be booked once, in one sqlite file that several backends may share.

The unique constraint on `bookings.slot` decides who gets a slot; no answer depends on a look before the
write. A journal without that constraint records each confirmation and cancellation, so that
`double_bookings` is a check of the outcome and not a repetition of the rule. Statements are short (tens
of microseconds) and run in the caller's thread; a lock held by another process is waited for at most
`BUSY_SECONDS`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

BUSY_SECONDS = 0.5
HOLD_SECONDS = 600.0
_WINDOW = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bookings (
  id TEXT PRIMARY KEY, slot INTEGER UNIQUE, chosen INTEGER NOT NULL, person TEXT NOT NULL,
  state TEXT NOT NULL, held_until REAL NOT NULL, key TEXT UNIQUE
);
CREATE TABLE IF NOT EXISTS journal (slot INTEGER NOT NULL, step INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS journal_slot ON journal (slot);
"""


class BookingState(StrEnum):
    """Held for a while, confirmed for good, or cancelled with its slot free again."""

    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One person's claim on one slot."""

    id: str
    slot: int
    person: str
    state: BookingState


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTaken:
    """Somebody else has the slot."""

    slot: int


class Inventory:
    """The doctors' slots, numbered doctor by doctor from 0; `path` may be shared between processes."""

    def __init__(self, path: Path, *, doctors: int, slots_per_doctor: int) -> None:
        if not 1 <= doctors <= 10_000 or not 1 <= slots_per_doctor <= 1_000_000:
            raise ValueError("expected 1 to 10000 doctors with 1 to 1000000 slots each")
        self.doctors = doctors
        self.slots_per_doctor = slots_per_doctor
        self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError:
            self._db.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def free_slots(self, doctor: int, *, start: int, limit: int, now: float) -> list[int]:
        """At most `limit` free slots of a doctor, looked for from position `start` onwards and around."""
        first, count = doctor * self.slots_per_doctor, self.slots_per_doctor
        free: list[int] = []
        for begin, end in ((start % count, count), (0, start % count)):
            for low in range(first + begin, first + end, _WINDOW):
                if len(free) >= limit:
                    return free[:limit]
                free += self._free_between(low, min(low + _WINDOW, first + end), now)
        return free[:limit]

    def hold(self, slot: int, person: str, *, booking_id: str, key: str | None, now: float) -> Booking | SlotTaken:
        """Hold a slot for a while; the same key gives the same booking, whatever became of it since."""
        if not 0 <= slot < self.doctors * self.slots_per_doctor:
            raise ValueError(f"there is no slot {slot}")
        with self._write():
            if key is not None and (earlier := self._find("key", key)) is not None:
                return earlier
            self._db.execute(
                "UPDATE bookings SET slot = NULL, state = 'cancelled'"
                " WHERE slot = ? AND state = 'held' AND held_until <= ?",
                (slot, now),
            )
            try:
                self._db.execute(
                    "INSERT INTO bookings VALUES (?, ?, ?, ?, 'held', ?, ?)",
                    (booking_id, slot, slot, person, now + HOLD_SECONDS, key),
                )
            except sqlite3.IntegrityError:
                return SlotTaken(slot=slot)
        return Booking(id=booking_id, slot=slot, person=person, state=BookingState.HELD)

    def confirm(self, booking_id: str) -> tuple[Booking | None, bool]:
        """The booking after confirmation, or None, and whether this call confirmed it."""
        with self._write():
            changed = self._db.execute(
                "UPDATE bookings SET state = 'confirmed' WHERE id = ? AND state = 'held'", (booking_id,)
            ).rowcount
            booking = self._find("id", booking_id)
            if changed and booking is not None:
                self._db.execute("INSERT INTO journal VALUES (?, 1)", (booking.slot,))
        return booking, bool(changed)

    def cancel(self, booking_id: str) -> tuple[Booking | None, bool]:
        """The booking after cancellation and whether this call cancelled it; its slot is free again."""
        with self._write():
            before = self._find("id", booking_id)
            if before is None or before.state is BookingState.CANCELLED:
                return before, False
            self._db.execute("UPDATE bookings SET slot = NULL, state = 'cancelled' WHERE id = ?", (booking_id,))
            if before.state is BookingState.CONFIRMED:
                self._db.execute("INSERT INTO journal VALUES (?, -1)", (before.slot,))
        return Booking(id=before.id, slot=before.slot, person=before.person, state=BookingState.CANCELLED), True

    def confirmed(self) -> int:
        """Bookings that stand confirmed now, over all processes that share the file."""
        return int(self._db.execute("SELECT count(*) FROM bookings WHERE state = 'confirmed'").fetchone()[0])

    def double_bookings(self) -> int:
        """Slots the journal shows confirmed more than once at the same time; 0 if the rule holds."""
        query = "SELECT count(*) FROM (SELECT 1 FROM journal GROUP BY slot HAVING sum(step) > 1)"
        return int(self._db.execute(query).fetchone()[0])

    def clear(self) -> None:
        """Forget every booking."""
        with self._write():
            self._db.execute("DELETE FROM bookings")
            self._db.execute("DELETE FROM journal")

    def _find(self, column: str, value: str) -> Booking | None:
        assert column in ("id", "key")
        query = f"SELECT id, chosen, person, state FROM bookings WHERE {column} = ?"
        row = self._db.execute(query, (value,)).fetchone()
        if row is None:
            return None
        return Booking(id=row[0], slot=row[1], person=row[2], state=BookingState(row[3]))

    def _free_between(self, low: int, high: int, now: float) -> list[int]:
        query = "SELECT slot FROM bookings WHERE slot >= ? AND slot < ? AND (state = 'confirmed' OR held_until > ?)"
        taken = {row[0] for row in self._db.execute(query, (low, high, now))}
        return [slot for slot in range(low, high) if slot not in taken]

    @contextmanager
    def _write(self) -> Iterator[None]:
        """Hold the write lock from the start, so that a transaction cannot fail half way for want of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

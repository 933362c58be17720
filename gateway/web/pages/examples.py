"""One example of each page, for translators to look at: `python -m gateway.web.pages.examples FOLDER`."""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.web.pages.render import Pages
from gateway.web.pages.views import (
    POLLED,
    EntryState,
    EntryView,
    ErrorView,
    RoomState,
    RoomStatus,
    StatusView,
    WaitingState,
    WaitingView,
)

ALTERNATIVES = (("122", "daily, 8:00\u201320:00"), ("Clinic desk", "Mon\u2013Fri, 7:30\u201319:30"))
REFERENCE = "5a1f0c2d9be04c11"
PLACE_CODE = "K7QF-20M4"
UPDATED = "09:41:07 MSK"

_CHANGES: Mapping[WaitingState, Mapping[str, Any]] = {
    WaitingState.PREQUEUE: {
        "ahead": None,
        "position": None,
        "ahead_at_join": None,
        "opens_at": "07:30 MSK",
        "opens_in_seconds": 740,
        "seed_hash": "9f2d6b0e41c87a35d0be17f9c2a64e835b7d1c90e6f3428ab5d07c1e94f6a382",
    },
    WaitingState.WAITING: {"eta_low_seconds": 250.0, "eta_high_seconds": 402.0},
    WaitingState.SLOWER: {"eta_low_seconds": 700.0, "eta_high_seconds": 1180.0},
    WaitingState.SOON: {"ahead": 3, "position": 4, "eta_low_seconds": 8.0, "eta_high_seconds": 55.0},
    WaitingState.CONFIRM: {"until": "09:43 MSK"},
    WaitingState.RETURNING: {"ticket_number": 1713, "place_code": PLACE_CODE},
    WaitingState.SLOTS_EXHAUSTED: {"until": "15:00 MSK"},
    WaitingState.PAUSED: {"kept_until": "09:44 MSK"},
    WaitingState.FULL: {"retry_after": 900},
    WaitingState.CLOSED: {"retry_after": 900, "until": "19:00 MSK"},
    WaitingState.STORE_DOWN: {"ahead": None, "position": None, "ahead_at_join": None},
}


def waiting_view(state: WaitingState) -> WaitingView:
    """Return a plausible view of one state; numbers appear only where the gate would know them."""
    view = WaitingView(
        room="booking",
        state=state,
        retry_after=20,
        lane="regular",
        reference=REFERENCE,
        updated=UPDATED,
        poll_url="/_talon/rooms/booking",
        entry_url="/doctors?district=7",
        quieter_after="11:30 MSK",
        alternatives=ALTERNATIVES,
    )
    if state in POLLED:
        view = replace(view, ticket_number=1713, ahead=412, position=413, ahead_at_join=530, place_code=PLACE_CODE)
    return replace(view, **_CHANGES.get(state, {}))


def entry_view(state: EntryState) -> EntryView:
    """Return a view of the page before the queue, with work for the script; it stays long enough to be looked at."""
    return EntryView(
        state=state,
        reference=REFERENCE,
        updated=UPDATED,
        entry_url="/_talon/enter?back=/doctors",
        retry_after=120,
        slow=121,
        slip="s1.k1.Ym9va2luZw.c2ln",
        bits=8 if state is EntryState.COME_AGAIN else 0,
        alternatives=ALTERNATIVES,
    )


def error_view(status: int) -> ErrorView:
    """Return a plausible view of a failed request; the one that timed out may have changed something."""
    return ErrorView(
        status=status,
        reference=REFERENCE,
        updated=UPDATED,
        retry_url="/doctors",
        wrote=status == 504,
        retry_after=120 if status == 503 else None,
        alternatives=ALTERNATIVES,
    )


def status_view(*, store_up: bool = True) -> StatusView:
    """Return a status page with a room that has a queue, and one without."""
    queueing = RoomStatus(
        name="booking",
        state=RoomState.QUEUEING,
        waiting=1284,
        wait_low_seconds=540.0,
        wait_high_seconds=840.0,
        quieter_after="11:30 MSK",
    )
    lost = RoomStatus(name="booking", state=RoomState.STORE_DOWN)
    rooms = (queueing if store_up else lost, RoomStatus(name="results", state=RoomState.OPEN))
    return StatusView(rooms=rooms, reference=REFERENCE, updated=UPDATED, store_up=store_up, alternatives=ALTERNATIVES)


def example_pages(pages: Pages, language: str, nonce: str) -> dict[str, bytes]:
    """Return every page for visitors in one language, by a name that says which it is."""
    found = {f"waiting-{state}": pages.waiting(waiting_view(state), language, nonce) for state in WaitingState}
    found |= {f"entry-{state}": pages.entry(entry_view(state), language, nonce) for state in EntryState}
    found |= {f"error-{status}": pages.error(error_view(status), language, nonce) for status in (502, 503, 504)}
    found["status"] = pages.status(status_view(), language, nonce)
    found["status-store-down"] = pages.status(status_view(store_up=False), language, nonce)
    return found


def write_examples(folder: Path, extra: Path | None = None) -> int:
    """Write every page in every language as `FOLDER/LANGUAGE/PAGE.html`; return how many were written."""
    pages, written = Pages(extra), 0
    for language in pages.languages:
        target = folder / language
        target.mkdir(parents=True, exist_ok=True)
        for name, page in example_pages(pages, language, secrets.token_urlsafe(16)).items():
            written += (target / f"{name}.html").write_bytes(page) > 0
    return written


if __name__ == "__main__":
    arguments = [Path(argument) for argument in sys.argv[1:]]
    if len(arguments) not in (1, 2):
        sys.exit("usage: python -m gateway.web.pages.examples FOLDER [FOLDER_WITH_PO_FILES]")
    sys.stdout.write(f"{write_examples(*arguments)} pages in {arguments[0]}\n")

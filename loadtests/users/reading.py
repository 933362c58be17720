"""What a visitor reads in an answer: slots and references, from JSON or from a page, and whether it is to
wait."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

_SLOT = re.compile(rb'name="slot" value="(\d+)"')
_DOCTOR = re.compile(rb'href="/doctors/(\d+)/slots"')
_BOOKING = re.compile(rb'action="(/bookings/[\w-]+)/confirm"')
_KEY = re.compile(rb'name="key" value="([\w-]+)"')
_DEFAULT_RETRY = 5.0
_LONGEST_RETRY = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that came in time; `at` is the wall clock, `gives_ticket` that it set the ticket cookie."""

    at: float
    elapsed: float
    status: int
    body: bytes = b""
    content_type: str = ""
    retry_after: str | None = None
    gives_ticket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """Nothing usable came: the connection failed, or the time was up."""

    at: float
    elapsed: float
    timed_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNotice:
    """An answer that says: wait, then ask again; the shown range may be unknown."""

    retry_after: float
    low: float | None = None
    high: float | None = None


def wait_notice(answer: Answer) -> WaitNotice | None:
    """What the waiting room says, or None when the answer is not from a waiting room.

    A waiting answer carries Retry-After and is a problem+json with a place in the queue, or a page with
    status 202, or a page that hands out a ticket. Any other 503 is an overloaded portal.
    """
    if answer.retry_after is None or answer.status not in (200, 202, 429, 503):
        return None
    retry_after = parse_retry_after(answer.retry_after)
    if "json" in answer.content_type:
        facts = json_object(answer.body)
        if "ticket" in facts or "position" in facts:
            low, high = facts.get("eta_seconds_low"), facts.get("eta_seconds_high")
            return WaitNotice(retry_after=retry_after, low=_number(low), high=_number(high))
    if answer.status == 202 or answer.gives_ticket:
        return WaitNotice(retry_after=retry_after)
    return None


def parse_retry_after(text: str) -> float:
    """Seconds to wait; a date or nonsense counts as a few seconds, anything too long is cut."""
    try:
        return min(max(float(text), 0.1), _LONGEST_RETRY)
    except ValueError:
        return _DEFAULT_RETRY


def json_object(body: bytes) -> dict[str, Any]:
    """The object in a body; empty when the body is anything else."""
    try:
        facts = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return facts if isinstance(facts, dict) else {}


def doctors_in(answer: Answer) -> list[int]:
    """The doctors that a list offers."""
    if "json" in answer.content_type:
        return [int(doctor) for doctor in json_object(answer.body).get("doctors", [])]
    return [int(doctor) for doctor in _DOCTOR.findall(answer.body)]


def slots_in(answer: Answer) -> tuple[list[int], str | None]:
    """The free slots that an answer offers, and the form's key if it is a page."""
    if "json" in answer.content_type:
        return [int(slot) for slot in json_object(answer.body).get("slots", [])], None
    key = _KEY.search(answer.body)
    return [int(slot) for slot in _SLOT.findall(answer.body)], key[1].decode() if key else None


def booking_in(answer: Answer) -> str | None:
    """The path of the booking that an answer holds."""
    if "json" in answer.content_type:
        booking_id = json_object(answer.body).get("id")
        return f"/bookings/{booking_id}" if booking_id else None
    match = _BOOKING.search(answer.body)
    return match[1].decode() if match else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

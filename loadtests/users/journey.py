"""One visit as a dialogue: it asks, the caller performs and answers; no clock, no network, chance is
given.

A visit is a generator of `Ask` and `Pause`. The answer to an `Ask` is an `Answer` or a `NoAnswer`; a
`Pause` is slept and answered with nothing. The steps are home, doctors, free slots, hold, confirm.
Three things can stand in the way of a step, and each has its limit: a waiting answer is obeyed
(Retry-After, up to `wait_limit` in all); an error or a timeout is answered by reloading the same step
almost at once, until the time spent outside the waiting room exceeds `patience`; a slot that is taken
is replaced by another, `slot_tries` times.
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from urllib.parse import urlencode

import orjson

from loadtests.records import Outcome, VisitRecord
from loadtests.users.habits import Habits
from loadtests.users.reading import (
    Answer,
    NoAnswer,
    WaitNotice,
    booking_in,
    doctors_in,
    slots_in,
    wait_notice,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request to perform; `step` names it in the statistics."""

    step: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A time to let pass."""

    seconds: float


class Verdict(StrEnum):
    """What a visitor makes of a reply: keep waiting, try again, or go on."""

    WAIT = "wait"
    ERROR = "error"
    SERVED = "served"


Reply = Answer | NoAnswer
Dialogue = Generator[Ask | Pause, Reply | None, None]


class _Over(Exception):
    """The visit ends here, short of a booking."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Journey:
    """One person on the way to an appointment; `record` grows with each step and is complete at the end."""

    def __init__(self, number: int, *, habits: Habits, chance: Random, now: float) -> None:
        self.record = VisitRecord(visit=number, start=now, end=now)
        self.admitted = False
        self.verdict = Verdict.SERVED
        self._habits = habits
        self._chance = chance
        self._browser = chance.random() < habits.browser_share
        fate = chance.random()
        self._no_show = fate < habits.no_show_share
        self._leaver = not self._no_show and fate < habits.no_show_share + habits.leaver_share
        self._leaves_after = chance.uniform(0.2, 0.8)
        self._now = now
        self._seconds_in_room = 0.0
        self._first_wait_at: float | None = None
        self._shown_at: float | None = None

    def dialogue(self) -> Dialogue:
        """Go through the whole visit; the outcome is in `record` when the generator ends."""
        try:
            yield from self._steps()
            self.record.outcome = Outcome.BOOKED
        except _Over as over:
            self.record.outcome = over.outcome
        self.record.end = self._now

    def _steps(self) -> Dialogue:
        yield from self._served("home", "GET", "/")
        yield self._think()
        doctors = doctors_in((yield from self._served("doctors", "GET", "/doctors")))
        if not doctors:
            raise _Over(Outcome.FAILED)
        yield self._think()
        path = f"/doctors/{self._chance.choice(doctors)}/slots"
        slots, key = slots_in((yield from self._served("slots", "GET", path)))
        yield self._think()
        held = yield from self._hold(slots, key)
        yield self._think()
        confirmed = yield from self._served("confirm", "POST", f"{held}/confirm")
        if confirmed.status != 200:
            raise _Over(Outcome.FAILED)

    def _hold(self, slots: list[int], key: str | None) -> Generator[Ask | Pause, Reply | None, str]:
        """Try free slots one after another; the path of the booking that came of it."""
        attempts = self._chance.sample(slots, min(len(slots), self._habits.slot_tries))
        for slot in attempts:
            answer = yield from self._served("book", "POST", "/bookings", self._wish(slot, key))
            if answer.status == 409:
                yield self._think()
                continue
            booking = booking_in(answer)
            if answer.status not in (200, 201) or booking is None:
                break
            return booking
        raise _Over(Outcome.FAILED)

    def _wish(self, slot: int, key: str | None) -> dict[str, str]:
        """The fields of a booking; its key is one per run, visit and slot, so that a reload does no harm."""
        visit = self.record.visit
        unique = key or f"{int(self.record.start * 1000):x}-{visit}"
        return {"slot": str(slot), "person": f"visitor {visit}", "key": f"{unique}-{slot}"}

    def _served(
        self, step: str, method: str, path: str, fields: dict[str, str] | None = None
    ) -> Generator[Ask | Pause, Reply | None, Answer]:
        """Repeat one request, as people and the waiting room would have it, until the portal serves it."""
        ask = self._ask(step, method, path, fields)
        while True:
            reply = yield ask
            assert reply is not None
            self._now = reply.at
            notice = wait_notice(reply) if isinstance(reply, Answer) else None
            if notice is not None:
                self.verdict = Verdict.WAIT
                yield self._wait(notice)
            elif isinstance(reply, NoAnswer) or reply.status >= 500 or reply.status == 429:
                self.verdict = Verdict.ERROR
                yield self._reload(reply)
            else:
                self.verdict = Verdict.SERVED
                self._enter()
                self.record.latencies_ms.append(round(reply.elapsed * 1000, 1))
                return reply

    def _wait(self, notice: WaitNotice) -> Pause:
        record = self.record
        record.waits += 1
        if self.admitted:
            record.waiting_after_admission += 1
        if self._first_wait_at is None:
            self._first_wait_at = self._now
        if self._shown_at is None and notice.low is not None and notice.high is not None:
            self._shown_at = self._now
            record.shown_low, record.shown_high = notice.low, notice.high
        if self._seconds_in_room > self._habits.wait_limit:
            raise _Over(Outcome.GAVE_UP)
        if self._goes_silent(notice):
            raise _Over(Outcome.LEFT)
        self._seconds_in_room += notice.retry_after
        return Pause(seconds=notice.retry_after)

    def _goes_silent(self, notice: WaitNotice) -> bool:
        """A leaver goes part of the way through the promised wait, a no-show just before the turn."""
        if self._leaver:
            return self._seconds_in_room >= self._leaves_after * (self.record.shown_high or 10.0)
        return self._no_show and notice.high is not None and notice.high <= 2 * notice.retry_after

    def _reload(self, reply: Reply) -> Pause:
        record = self.record
        record.errors += 1
        asked_to_wait = 0.0
        if isinstance(reply, NoAnswer) and reply.timed_out:
            record.latencies_ms.append(round(reply.elapsed * 1000, 1))
        elif isinstance(reply, Answer) and reply.retry_after is not None:
            asked_to_wait = min(float(reply.retry_after) if reply.retry_after.isdigit() else 0.0, 30.0)
        if self._now - record.start - self._seconds_in_room > self._habits.patience:
            raise _Over(Outcome.GAVE_UP)
        record.reloads += 1
        return Pause(seconds=max(asked_to_wait, self._chance.uniform(*self._habits.reload)))

    def _enter(self) -> None:
        """The portal served a request: whoever waited before is in now."""
        if not self.admitted and self._first_wait_at is not None:
            self.record.waited = round(self._now - self._first_wait_at, 3)
            if self._shown_at is not None:
                self.record.realised = round(self._now - self._shown_at, 3)
        self.admitted = True

    def _think(self) -> Pause:
        return Pause(seconds=self._chance.uniform(*self._habits.think))

    def _ask(self, step: str, method: str, path: str, fields: dict[str, str] | None) -> Ask:
        headers = {"Accept": "text/html" if self._browser else "application/json"}
        body = b""
        if fields is not None and self._browser:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields).encode()
        elif fields is not None:
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = fields["key"]
            body = orjson.dumps({"slot": int(fields["slot"]), "person": fields["person"]})
        return Ask(step=step, method=method, path=path, headers=headers, body=body)

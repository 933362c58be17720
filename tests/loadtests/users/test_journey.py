"""A visit as a dialogue: the test is the portal, and no time passes."""

from collections.abc import Callable, Iterator
from random import Random

import orjson
import pytest

from loadtests.records import Outcome
from loadtests.users.habits import Habits
from loadtests.users.journey import Ask, Journey, Pause, Reply
from loadtests.users.reading import Answer, NoAnswer, parse_retry_after, wait_notice

Portal = Callable[[Ask, float], Reply]


def json_answer(at: float, facts: object, *, status: int = 200, retry_after: str | None = None) -> Answer:
    """An answer of the API after 20 ms."""
    return Answer(
        at=at + 0.02,
        elapsed=0.02,
        status=status,
        body=orjson.dumps(facts),
        content_type="application/json",
        retry_after=retry_after,
    )


def healthy(ask: Ask, at: float) -> Reply:
    """A portal in which everything works."""
    facts = {
        "home": {},
        "doctors": {"doctors": [1, 2]},
        "slots": {"slots": [10, 11, 12, 13, 14, 15]},
        "book": {"id": "b1"},
        "confirm": {"state": "confirmed"},
    }
    return json_answer(at, facts[ask.step], status=201 if ask.step == "book" else 200)


def waiting(at: float, low: float | None, high: float | None, retry_after: float = 5) -> Answer:
    """A waiting answer as an API client gets it."""
    facts = {"ticket": "t", "position": 4, "eta_seconds_low": low, "eta_seconds_high": high}
    return Answer(
        at=at + 0.01,
        elapsed=0.01,
        status=503,
        body=orjson.dumps(facts),
        content_type="application/problem+json",
        retry_after=str(retry_after),
        gives_ticket=True,
    )


def play(portal: Portal, habits: Habits | None = None) -> tuple[Journey, list[Ask]]:
    """Let a visit run against a portal on a clock that only its pauses and answers move."""
    journey = Journey(1, habits=habits or Habits(), chance=Random(5), now=1000.0)
    dialogue, now, asks = journey.dialogue(), 1000.0, []
    reply: Reply | None = None
    for _ in range(10_000):
        try:
            command = dialogue.send(reply)
        except StopIteration:
            return journey, asks
        if isinstance(command, Pause):
            now += command.seconds
            reply = None
        else:
            asks.append(command)
            reply = portal(command, now)
            now = reply.at
    raise AssertionError("the visit did not end")


def test_a_visit_in_a_healthy_portal_books() -> None:
    """Five steps, one request each, and the visit ends booked."""
    journey, asks = play(healthy)
    assert [ask.step for ask in asks] == ["home", "doctors", "slots", "book", "confirm"]
    assert asks[-1].path == "/bookings/b1/confirm"
    assert journey.record.outcome is Outcome.BOOKED
    assert journey.record.latencies_ms == [20.0] * 5
    assert (journey.record.errors, journey.record.reloads) == (0, 0)


def test_a_waiting_answer_is_obeyed_and_the_wait_recorded() -> None:
    """The same request is repeated after Retry-After, and the realised wait counts from the first showing."""
    answers = iter([(8.0, 20.0), (4.0, 12.0)])

    def portal(ask: Ask, at: float) -> Reply:
        shown = next(answers, None)
        return healthy(ask, at) if shown is None else waiting(at, *shown)

    journey, asks = play(portal)
    record = journey.record
    assert [ask.step for ask in asks[:3]] == ["home", "home", "home"]
    assert (record.waits, record.errors, record.waiting_after_admission) == (2, 0, 0)
    assert (record.shown_low, record.shown_high) == (8.0, 20.0)
    assert record.realised == pytest.approx(10.03, abs=0.01)
    assert record.waited == record.realised
    assert len(record.latencies_ms) == 5


def test_a_waiting_answer_after_admission_is_noticed() -> None:
    """Who is sent back to the room after having been let in is counted."""
    sent_back: Iterator[bool] = iter([False, False, True])

    def portal(ask: Ask, at: float) -> Reply:
        return waiting(at, 1, 2) if next(sent_back, False) else healthy(ask, at)

    journey, _ = play(portal)
    assert journey.record.waiting_after_admission == 1
    assert journey.record.outcome is Outcome.BOOKED


def test_an_error_is_reloaded_until_patience_ends() -> None:
    """A portal that only fails is asked for the same step until the visitor gives up, and not longer."""
    habits = Habits(patience=20, reload=(0.5, 2.0))
    journey, asks = play(lambda ask, at: json_answer(at, {}, status=503), habits)
    assert {ask.step for ask in asks} == {"home"}
    assert journey.record.outcome is Outcome.GAVE_UP
    assert journey.record.errors == len(asks) == journey.record.reloads + 1
    assert 20 < journey.record.end - journey.record.start < 23


def test_a_timeout_is_an_error_and_a_latency() -> None:
    """A request that got no answer in time counts with the time it took."""
    silent = iter([True])

    def portal(ask: Ask, at: float) -> Reply:
        if next(silent, False):
            return NoAnswer(at=at + 5, elapsed=5.0, timed_out=True)
        return healthy(ask, at)

    journey, _ = play(portal)
    assert journey.record.errors == 1
    assert journey.record.latencies_ms[0] == 5000.0


def test_the_wait_does_not_eat_the_patience() -> None:
    """Somebody who waited longer than a minute in the room still puts up with an error behind it."""
    replies: Iterator[str] = iter(["wait"] * 20 + ["error"])

    def portal(ask: Ask, at: float) -> Reply:
        match next(replies, "fine"):
            case "wait":
                return waiting(at, None, None)
            case "error":
                return json_answer(at, {}, status=502)
        return healthy(ask, at)

    journey, _ = play(portal)
    assert journey.record.outcome is Outcome.BOOKED
    assert journey.record.realised is None


def test_a_room_without_end_is_left_at_the_limit() -> None:
    """Waiting has a limit of its own."""
    journey, _ = play(lambda ask, at: waiting(at, 1, 2), Habits(wait_limit=60))
    assert journey.record.outcome is Outcome.GAVE_UP
    assert 60 < journey.record.end - journey.record.start < 75


def test_a_taken_slot_is_replaced_by_another() -> None:
    """After a conflict another slot is tried with another key; a reload keeps the key."""
    script = iter([409, 503, 201])

    def portal(ask: Ask, at: float) -> Reply:
        if ask.step == "book" and (status := next(script)) != 201:
            return json_answer(at, {}, status=status)
        return healthy(ask, at)

    journey, asks = play(portal)
    first, second, reloaded = (ask for ask in asks if ask.step == "book")
    assert orjson.loads(first.body)["slot"] != orjson.loads(second.body)["slot"]
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    assert second == reloaded
    assert journey.record.outcome is Outcome.BOOKED


def test_too_many_taken_slots_end_the_visit() -> None:
    """Five slots are tried, then the visit has failed."""
    journey, asks = play(lambda ask, at: json_answer(at, {}, status=409) if ask.step == "book" else healthy(ask, at))
    assert sum(ask.step == "book" for ask in asks) == 5
    assert journey.record.outcome is Outcome.FAILED


def test_a_browser_reads_pages_and_posts_forms() -> None:
    """A visitor with a browser finds links, slots and forms in HTML."""
    pages = {
        "home": b"<a href=/doctors>",
        "doctors": b'<a href="/doctors/3/slots">3</a>',
        "slots": b'<input name="key" value="k1"><input type="radio" name="slot" value="9">',
        "book": b'<form method="post" action="/bookings/b7/confirm">',
        "confirm": b"booked",
    }

    def portal(ask: Ask, at: float) -> Reply:
        assert ask.headers["Accept"] == "text/html"
        status = 201 if ask.step == "book" else 200
        return Answer(at=at, elapsed=0.0, status=status, body=pages[ask.step], content_type="text/html")

    journey, asks = play(portal, Habits(browser_share=1))
    assert journey.record.outcome is Outcome.BOOKED
    assert asks[3].body == b"slot=9&person=visitor+1&key=k1-9"
    assert asks[4].path == "/bookings/b7/confirm"


def test_a_leaver_leaves_and_a_no_show_vanishes_before_the_turn() -> None:
    """The leaver goes within the promised wait; the no-show stays until its turn is near."""
    left, _ = play(lambda ask, at: waiting(at, 50, 100), Habits(leaver_share=1))
    assert left.record.outcome is Outcome.LEFT
    assert left.record.end - left.record.start < 100
    ahead = iter(range(60, -100, -5))
    gone, _ = play(lambda ask, at: waiting(at, 0, next(ahead)), Habits(no_show_share=1))
    assert gone.record.outcome is Outcome.LEFT
    assert gone.record.waits == 11


def test_an_overloaded_portal_is_not_a_waiting_room() -> None:
    """A bare 503, even with Retry-After, holds no place in any queue."""
    assert wait_notice(json_answer(0, {"error": "overloaded"}, status=503, retry_after="3")) is None
    assert wait_notice(json_answer(0, {"ticket": "t"}, status=503)) is None


def test_a_waiting_page_is_known_by_its_status_or_ticket() -> None:
    """Status 202, or a ticket handed out together with Retry-After, is a waiting page."""
    page = {"at": 0.0, "elapsed": 0.0, "content_type": "text/html", "retry_after": "7"}
    for extra in ({"status": 202}, {"status": 503, "gives_ticket": True}):
        notice = wait_notice(Answer(**page, **extra))  # type: ignore[arg-type]
        assert notice is not None
        assert notice.retry_after == 7


def test_a_strange_retry_after_has_a_bounded_meaning() -> None:
    """Dates and nonsense mean a few seconds, huge numbers are cut."""
    assert parse_retry_after("Wed, 21 Oct 2026 07:28:00 GMT") == 5
    assert parse_retry_after("0") == 0.1
    assert parse_retry_after("1e9") == 300


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"think": (2, 1)}, {"browser_share": 2}, {"slot_tries": 0}])
def test_impossible_habits_are_refused(wrong: dict[str, object]) -> None:
    """Habits check themselves."""
    with pytest.raises(ValueError, match=r"must|are"):
        Habits(**wrong)  # type: ignore[arg-type]

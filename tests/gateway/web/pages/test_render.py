import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.web.pages.examples import example_pages, status_view, waiting_view, write_examples
from gateway.web.pages.links import csp
from gateway.web.pages.render import Pages
from gateway.web.pages.views import LONGEST_MESSAGE, EntryState, RoomStatus, WaitingState, WaitingView

NONCE = "dGVzdC1ub25jZS0xMjM0"
HOSTILE = "<script>alert(1)</script>\"'&--></title><img src=x onerror=alert(2)>"
ALTERNATIVES = (("122", "ежедневно с 8:00 до 20:00"), ("Регистратура", "пн–пт с 7:30 до 19:30"))
ERRORS = ("error-502", "error-503", "error-504")
NAMES = (
    *(f"waiting-{state}" for state in WaitingState),
    *(f"entry-{state}" for state in EntryState),
    *ERRORS,
    "status",
    "status-store-down",
)


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


def text_of(page: bytes) -> str:
    """The text a person reads: no tags, no script, no style, one space between words."""
    body = re.sub(r"<(script|style|title).*?</\1>", " ", page.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_page_has_one_headline_equal_to_its_title(pages: Pages, language: str, name: str) -> None:
    """Each page in each language is whole: language, headline equal to title, reason, urgent help, reference."""
    page = example_pages(pages, language, NONCE)[name].decode()
    headlines = re.findall(r"<h1[^>]*>(.*?)</h1>", page)
    assert headlines == re.findall(r"<title>(.*?)</title>", page)
    assert len(headlines) == 1
    assert headlines[0]
    assert f'<html lang="{language}">' in page
    assert 'href="tel:103"' in page
    assert 'href="tel:112"' in page
    assert "5a1f0c2d9be04c11" in page
    assert page.rstrip().endswith("</html>")


@pytest.mark.parametrize("name", NAMES)
def test_a_russian_page_holds_no_untranslated_sentence(pages: Pages, name: str) -> None:
    """Beyond the operator's own texts and the other language's name, a Russian page reads Russian."""
    view = example_pages(pages, "ru", NONCE)[name]
    words = set(re.findall(r"[A-Za-z]{3,}", text_of(view)))
    assert words <= {"English", "daily", "Clinic", "desk", "Mon", "Fri", "MSK", "booking", "results"}


def test_every_example_lists_the_same_pages(pages: Pages) -> None:
    """The names that these tests run over are all the pages there are."""
    assert set(example_pages(pages, "en", NONCE)) == set(NAMES)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("state", list(WaitingState))
def test_the_waiting_page_fits_the_first_round_trips(pages: Pages, language: str, state: WaitingState) -> None:
    """At most 8 KB raw and 4 KB compressed, with all that can stand on the page and a message of full length."""
    view = replace(
        waiting_view(state),
        operator_message=("Сегодня запись к терапевтам открыта до 20:00, к педиатрам до 19:00. " * 9)[:LONGEST_MESSAGE],
        alternatives=ALTERNATIVES,
        place_code="K7QF-20M4-XZ",
        entry_url="/_talon/enter?back=/doctors%3Fdistrict%3D7",
        quieter_after="11:30 MSK",
        auto=True,
    )
    page = pages.waiting(view, language, NONCE)
    assert len(page) <= 8192
    assert len(gzip.compress(page, 6)) <= 4096


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (1, "Впереди вас 1 человек."),
        (2, "Впереди вас 2 человека."),
        (5, "Впереди вас 5 человек."),
        (11, "Впереди вас 11 человек."),
        (21, "Впереди вас 21 человек."),
        (112, "Впереди вас 112 человек."),
        (412, "Впереди вас 412 человек."),
        (1203, "Впереди вас 1203 человека."),
    ],
)
def test_russian_numbers_take_their_plural_form(pages: Pages, ahead: int, expected: str) -> None:
    """The three Russian plural forms follow the number, also above a hundred."""
    view = replace(waiting_view(WaitingState.WAITING_UNKNOWN), ahead=ahead)
    assert expected in text_of(pages.waiting(view, "ru", NONCE))


@pytest.mark.parametrize(
    ("seconds", "expected"), [(60, "через 1 минуту"), (120, "через 2 минуты"), (660, "через 11 минут")]
)
def test_russian_minutes_take_their_plural_form(pages: Pages, seconds: int, expected: str) -> None:
    """The time after which a full queue is worth another try is said in whole minutes."""
    view = replace(waiting_view(WaitingState.FULL), retry_after=seconds, quieter_after="")
    assert expected in text_of(pages.waiting(view, "ru", NONCE))


def test_one_person_ahead_reads_as_one_in_english(pages: Pages) -> None:
    """English has its own singular, and nobody ahead is said in words."""
    one = replace(waiting_view(WaitingState.WAITING_UNKNOWN), ahead=1)
    assert "1 person is ahead of you." in text_of(pages.waiting(one, "en", NONCE))
    none = replace(one, ahead=0)
    assert "Your turn is next." in text_of(pages.waiting(none, "en", NONCE))


def test_a_position_alone_is_enough_to_say_how_many_are_ahead(pages: Pages) -> None:
    """The number ahead is the position less one."""
    view = replace(waiting_view(WaitingState.WAITING), ahead=None, position=6)
    assert "5 people are ahead" in text_of(pages.waiting(view, "en", NONCE))


def test_hostile_texts_stay_text(pages: Pages) -> None:
    """Markup in a message, a reference or an alternative is shown and never run, and never ends the title."""
    view = replace(
        waiting_view(WaitingState.WAITING),
        operator_message=HOSTILE,
        reference=HOSTILE[:50],
        room=HOSTILE,
        lane=HOSTILE,
        updated=HOSTILE,
        alternatives=((HOSTILE, HOSTILE),),
    )
    page = pages.waiting(view, "en", NONCE).decode()
    assert "<img" not in page
    assert "alert(1)</script>" not in page
    assert page.count("<script") == 1
    assert page.count("</title>") == 1


def test_hostile_rooms_on_the_status_page_stay_text(pages: Pages) -> None:
    """A room's name and its quiet hour are shown as text."""
    state = status_view().rooms[0].state
    room = RoomStatus(name=HOSTILE, state=state, quieter_after=HOSTILE)
    page = pages.status(replace(status_view(), rooms=(room,)), "en", NONCE).decode()
    assert "<img" not in page
    assert "<script" not in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example/", "https://evil.example/", "/\t/evil.example"])
def test_a_page_leads_only_to_this_site(pages: Pages, url: str) -> None:
    """An address that could leave the site is replaced by the start page wherever it would stand."""
    view = replace(waiting_view(WaitingState.WAITING), entry_url=url, poll_url=url, auto=True)
    page = pages.waiting(view, "en", NONCE).decode()
    assert "evil" not in page
    assert "javascript:" not in page
    assert '<a class=go id=go href="/">' in page


@pytest.mark.parametrize("name", NAMES)
def test_a_page_runs_under_its_policy(pages: Pages, name: str) -> None:
    """Nothing on a page needs unsafe-inline: no style attribute, no handler, and a nonce on each block."""
    page = example_pages(pages, "en", NONCE)[name].decode()
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    blocks = re.findall(r"<(?:script|style)[^>]*>", page)
    assert blocks
    assert all(f'nonce="{NONCE}"' in block for block in blocks)
    assert not re.search(r'(src|href|action)="(?!/|data:,|tel:)', page)
    assert "unsafe" not in csp(NONCE)


def test_automatic_reload_is_the_visitors_choice(pages: Pages) -> None:
    """Without the choice there is a button for it and no refresh; with it, a refresh for browsers without scripts."""
    plain = pages.waiting(waiting_view(WaitingState.WAITING), "en", NONCE).decode()
    assert "http-equiv" not in plain
    assert "name=auto value=on" in plain
    chosen = pages.waiting(replace(waiting_view(WaitingState.WAITING), auto=True), "en", NONCE).decode()
    assert '<noscript><meta http-equiv=refresh content="20;url=/doctors?district=7"></noscript>' in chosen
    assert "name=auto value=off" in chosen


def test_states_without_a_place_do_not_poll(pages: Pages) -> None:
    """Full, missed and limited carry no script at all unless the visitor asked for reloading."""
    for state in (WaitingState.FULL, WaitingState.MISSED, WaitingState.LIMITED):
        assert "<script" not in pages.waiting(waiting_view(state), "en", NONCE).decode()
    auto = replace(waiting_view(WaitingState.FULL), auto=True)
    assert "<script" in pages.waiting(auto, "en", NONCE).decode()


def test_a_lost_store_names_no_numbers(pages: Pages) -> None:
    """Without a store the page keeps the visitor's number and says nothing about people or minutes."""
    view = replace(waiting_view(WaitingState.STORE_DOWN), ahead=412, eta_low_seconds=60.0, eta_high_seconds=90.0)
    text = text_of(pages.waiting(view, "en", NONCE))
    assert "your place is kept" in text
    assert "1713" in text
    assert "412" not in text
    assert "wait is usually" not in text


def test_an_unknown_language_is_answered_in_the_source_language(pages: Pages) -> None:
    """A language nobody translated never fails a page."""
    page = pages.waiting(waiting_view(WaitingState.WAITING), "tlh", NONCE)
    assert '<html lang="en">' in page.decode()


def test_a_long_message_is_cut(pages: Pages) -> None:
    """The operator's message has a longest length, so that the page stays small."""
    view = replace(waiting_view(WaitingState.WAITING), operator_message="x" * 5000)
    assert pages.waiting(view, "en", NONCE).count(b"x" * LONGEST_MESSAGE) == 1
    assert len(pages.waiting(view, "en", NONCE)) <= 8192


def test_the_emergency_block_cannot_be_switched_off() -> None:
    """A view without a telephone number is refused with the reason."""
    with pytest.raises(ValueError, match="at least one telephone number"):
        replace(waiting_view(WaitingState.WAITING), emergency=())


@pytest.mark.parametrize(
    ("field", "value", "message"), [("retry_after", 0, "at least 1 second"), ("ahead", -1, "0 or more")]
)
def test_impossible_numbers_are_refused(field: str, value: int, message: str) -> None:
    """A wait below a second and a negative number ahead are the caller's mistakes."""
    view: WaitingView = waiting_view(WaitingState.WAITING)
    with pytest.raises(ValueError, match=message):
        replace(view, **{field: value})


def test_the_dashboard_is_one_document_under_the_policy(pages: Pages) -> None:
    """The operators' page carries its style and script with the nonce and names no other host."""
    page = pages.dashboard(NONCE).decode()
    assert page.count(f'nonce="{NONCE}"') == 2
    assert not re.search(r'(src|href)="(?!data:,)', page)
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}


def test_examples_are_written_for_every_language(tmp_path: Path) -> None:
    """A translator gets each page as a file that a browser opens."""
    assert write_examples(tmp_path) == 2 * len(NAMES)
    assert (tmp_path / "ru" / "waiting-paused.html").read_bytes().startswith(b"<!doctype html>")

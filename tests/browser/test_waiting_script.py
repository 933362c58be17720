"""The waiting page's script in a real Chromium: what it shows, says and does as the queue moves."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gateway.web.pages.examples import waiting_view
from gateway.web.pages.render import Pages
from gateway.web.pages.views import WaitingState, WaitingView
from tests.browser.site import SITE, Site, barriers, now_serving, site_of, tick

pytestmark = pytest.mark.browser

HEAR = """() => { window.heard = [];
  new MutationObserver(() => heard.push(Date.now())).observe(
    document.querySelector('[role=status]'), {childList: true, characterData: true, subtree: true}); }"""
PAINT = """() => new Promise(done => {
  const channel = new MessageChannel(); channel.port1.onmessage = done; channel.port2.postMessage(0); })"""
HIDE = "Object.defineProperty(document, 'hidden', {configurable: true, value: true})"
SHOW = """() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }"""


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    context.clock.install()
    yield context
    context.close()


def quick(state: WaitingState, **changes: Any) -> WaitingView:
    """The view of a page that asks about every ten seconds."""
    return replace(waiting_view(state), retry_after=10, **changes)


def lose(page: Page, *waits: int) -> None:
    """Let polls fail one after the other, as soon as each is due."""
    for wait in waits:
        with page.expect_event("requestfailed"):
            page.clock.run_for(wait * 1000)


def test_it_goes_in_when_its_number_is_called(context: BrowserContext, pages: Pages) -> None:
    """The page asks for its entry again once, as soon as the counter reaches the ticket, and says so."""
    site = site_of(pages, quick(WaitingState.WAITING), serving=now_serving(1712))
    page = site.open(context)
    tick(page, 13)
    expect(page.locator("#n")).to_have_text("0")
    assert site.entries() == 1
    site.serving = now_serving(1713)
    with page.expect_navigation():
        tick(page, 13)
    assert site.entries() == 2
    assert page.url == f"{SITE}/doctors?district=7"


def test_facts_follow_the_counter_with_plural_forms(context: BrowserContext, pages: Pages) -> None:
    """Every poll moves the facts; a minute later the sentence says them in the plural form of the language."""
    site = site_of(pages, quick(WaitingState.WAITING), "ru", serving=now_serving(1300))
    page = site.open(context)
    expect(page.locator("#now")).to_have_text("Впереди вас 412 человек. Обычно ждать 4–7 мин.")
    expect(page.locator("#bar")).to_be_visible()
    for serving, ahead, wait in ((1500, "212", "2–4 мин"), (1690, "22", "до 1 мин"), (1680, "22", "до 1 мин")):
        site.serving = now_serving(serving)
        tick(page, 13)
        expect(page.locator("#n")).to_have_text(ahead)
        expect(page.locator("#e")).to_have_text(wait)
        assert page.locator("#bar").evaluate("bar => bar.value") == 530 - int(ahead)
    assert page.title() == page.locator("h1").inner_text() == "Скоро ваша очередь"
    page.clock.run_for(60_000)
    expect(page.locator("#now")).to_have_text("Впереди вас 22 человека. Обычно ждать до 1 мин.")
    assert site.complaints == []


def test_a_position_by_lot_is_what_is_called(context: BrowserContext, pages: Pages) -> None:
    """After a draw the position counts and not the number on the ticket."""
    site = site_of(pages, quick(WaitingState.WAITING, turn=90, ahead=40), serving=now_serving(70))
    page = site.open(context)
    tick(page, 13)
    expect(page.locator("#n")).to_have_text("19")
    site.serving = now_serving(90)
    with page.expect_navigation():
        tick(page, 13)


@pytest.mark.parametrize("lost", [False, True])
def test_a_screen_reader_hears_at_most_one_sentence_a_minute(context: BrowserContext, pages: Pages, lost: bool) -> None:
    """Over five minutes of polls every second the live region changes once a minute and no more."""
    site = site_of(pages, replace(waiting_view(WaitingState.WAITING), retry_after=1), serving=now_serving(1300))
    page = site.open(context)
    page.evaluate(HEAR)
    for second in range(300):
        site.serving = None if lost and second % 40 > 20 else now_serving(1301 + second)
        page.clock.run_for(1_000)
        page.evaluate(PAINT)
    heard = page.evaluate("window.heard")
    pauses = [later - earlier for earlier, later in pairwise(heard)]
    assert len(site.asked) > 30
    assert 4 <= len(heard) <= 5
    assert min(pauses) >= 60_000


def test_a_lost_connection_is_said_after_three_polls(context: BrowserContext, pages: Pages) -> None:
    """Two failed polls are nobody's business; the third says until when the place is kept; an answer takes it back."""
    site = site_of(pages, quick(WaitingState.WAITING))
    page = site.open(context)
    notice = page.locator("#off")
    for wait, visible in ((13, False), (25, False), (49, True)):
        lose(page, wait)
        expect(notice).to_be_visible(visible=visible)
    expect(notice).to_contain_text("No connection. Your place is kept until")
    assert "#" not in notice.inner_text()
    page.clock.run_for(60_000)
    expect(page.locator("#now")).to_contain_text("No connection.")
    site.serving = now_serving(1602)
    tick(page, 97)
    expect(notice).to_be_hidden()
    page.clock.run_for(60_000)
    expect(page.locator("#now")).to_contain_text("are ahead of you.")
    assert site.entries() == 1


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (WaitingState.WAITING, {"state": "paused"}),
        (WaitingState.WAITING, {"state": "closed"}),
        (WaitingState.WAITING, {"state": "slots_exhausted"}),
        (WaitingState.WAITING, {"state": "store_down"}),
        (WaitingState.WAITING, {"state": "open"}),
        (WaitingState.WAITING, {"epoch": "e4"}),
        (WaitingState.PREQUEUE, {"state": "queueing"}),
        (WaitingState.PAUSED, {"state": "queueing"}),
        (WaitingState.CLOSED, {"state": "queueing"}),
        (WaitingState.SLOTS_EXHAUSTED, {"state": "queueing"}),
        (WaitingState.STORE_DOWN, {"state": "queueing"}),
    ],
)
def test_a_change_of_the_room_brings_a_new_page(
    context: BrowserContext, pages: Pages, state: WaitingState, changes: dict[str, str]
) -> None:
    """When the room's state is not the one this page tells of, the page asks for itself again, spread in time."""
    same = {} if "state" in changes and state is not WaitingState.WAITING else {"state": "queueing"}
    site = site_of(pages, quick(state), serving=now_serving(1301, **({"state": state.value} | same)))
    page = site.open(context)
    tick(page, 13)
    assert site.entries() == 1
    site.serving = now_serving(1301, **changes)
    tick(page, 13)
    with page.expect_navigation():
        page.clock.run_for(13_000)
    assert site.entries() == 2


def test_a_queue_behind_its_promise_asks_for_the_new_one(context: BrowserContext, pages: Pages) -> None:
    """A queue that stands still, though minutes were promised, brings the page with the new estimate and its reason."""
    site = site_of(pages, quick(WaitingState.WAITING), serving=now_serving(1301))
    page = site.open(context)
    for _ in range(5):
        tick(page, 13)
    assert site.entries() == 1, "not before the promise is broken by a fifth"
    with page.expect_navigation():
        page.clock.run_for(150_000)


def test_the_opening_is_counted_down(context: BrowserContext, pages: Pages) -> None:
    """Before the opening the sentence names the minutes that are left; no position is made up."""
    site = site_of(pages, quick(WaitingState.PREQUEUE), "ru", serving=now_serving(1800, state="prequeue"))
    page = site.open(context)
    expect(page.locator("#now")).to_have_text("Запись откроется примерно через 13 минут.")
    expect(page.locator("#n")).to_have_count(0)
    for _ in range(11):
        tick(page, 13)
    expect(page.locator("#now")).to_contain_text("Запись откроется примерно через 11 минут.")
    assert site.entries() == 1


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_turn_waits_for_whoever_looks_elsewhere(context: BrowserContext, pages: Pages, language: str) -> None:
    """In a hidden tab the turn is not taken: title and button call, with the time until when; the button goes in."""
    words = {"en": ("It is your turn", "Enter", "Press “Enter” before"), "ru": ("Ваша очередь подошла", "Войти", "до")}
    title, button, advice = words[language]
    site = site_of(pages, quick(WaitingState.WAITING, claim_seconds=240), language, serving=now_serving(1712))
    page = site.open(context)
    tick(page, 13)
    page.evaluate(HIDE)
    site.serving = now_serving(1713)
    tick(page, 13)
    assert page.title() == title
    page.evaluate(SHOW)
    page.clock.run_for(30_000)
    assert site.entries() == 1, "coming back to the tab is not yet going in"
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("#act")).to_contain_text(advice)
    assert barriers(page) == []
    with page.expect_navigation():
        page.get_by_role("link", name=button).click()
    assert site.entries() == 2


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_turn_that_nobody_took_is_said(context: BrowserContext, pages: Pages, language: str) -> None:
    """When the time of the turn is over, the page says so and offers the way back, but does not go it by itself."""
    site = site_of(pages, quick(WaitingState.WAITING), language, serving=now_serving(1713))
    page = site.open(context)
    page.evaluate(HIDE)
    tick(page, 13)
    page.clock.run_for(300_000)
    title = {"en": "You were away when your turn came", "ru": "Вас не было, когда подошла очередь"}[language]
    assert page.title() == page.locator("h1").inner_text() == title
    assert barriers(page) == []
    assert site.entries() == 1
    with page.expect_navigation():
        page.get_by_role("link", name={"en": "Return", "ru": "Вернуться"}[language]).click()
    assert site.entries() == 2


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_offline_page_is_accessible(context: BrowserContext, pages: Pages, language: str) -> None:
    """The notice of a lost connection meets the same bar as every page."""
    site: Site = site_of(pages, quick(WaitingState.WAITING), language)
    page = site.open(context)
    lose(page, 13, 25, 49)
    expect(page.locator("#off")).to_be_visible()
    assert barriers(page) == []

"""The visitors' pages in a real Chromium, under their own Content-Security-Policy."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from gateway.web.pages.examples import example_pages, waiting_view
from gateway.web.pages.links import csp
from gateway.web.pages.render import Pages
from gateway.web.pages.views import WaitingState, WaitingView

pytestmark = pytest.mark.browser

SITE = "http://portal.test"
POLL = "/_talon/rooms/booking"
AXE_RUN = """async () => (await axe.run(document, {resultTypes: ['violations'],
  rules: {'color-contrast-enhanced': {enabled: true}}})).violations"""
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button')]
  .map(e => [e.textContent, e.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 44 || box.width < 44))
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""


def now_serving(serving: int, **changes: Any) -> dict[str, Any]:
    """A now-serving document whose regular lane has called `serving`."""
    lanes = {"regular": {"serving": serving, "rate": 4.2}, "urgent": {"serving": 9, "rate": 1.0}}
    base = {"room": "booking", "epoch": 3, "state": "queueing", "at": 1.0, "lanes": lanes}
    return base | {"poll_seconds": {"regular": 10, "urgent": 5}} | changes


@dataclass
class Portal:
    """A site of one page: gives the waiting page, the now-serving document, and counts what is asked."""

    page: bytes
    nonce: str
    serving: dict[str, Any] | None = None
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._console(message.text))
        page.route("**/*", self._answer)
        page.goto(f"{SITE}/doctors?district=7")
        return page

    def _console(self, text: str) -> None:
        if "Failed to load resource" not in text:
            self.complaints.append(text)

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(SITE)
        self.asked.append(path)
        if path != POLL:
            headers = {"Content-Type": "text/html", "Content-Security-Policy": csp(self.nonce)}
            route.fulfill(body=self.page, headers=headers)
        elif self.serving is None:
            route.abort()
        else:
            route.fulfill(body=json.dumps(self.serving), headers={"Content-Type": "application/json"})

    def entries(self) -> int:
        """How often the page itself was asked for."""
        return sum(path.startswith("/doctors") for path in self.asked)


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    yield context
    context.close()


def portal(pages: Pages, view: WaitingView, language: str = "en", serving: dict[str, Any] | None = None) -> Portal:
    """The waiting page of one view, ready to be opened."""
    nonce = secrets.token_urlsafe(16)
    return Portal(page=pages.waiting(view, language, nonce), nonce=nonce, serving=serving)


def tick(page: Page, seconds: int) -> None:
    """Let the page's clock run on until its next poll has been answered."""
    with page.expect_event("requestfinished", lambda request: request.url.endswith(POLL)):
        page.clock.run_for(seconds * 1000)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_is_accessible(chromium: Browser, pages: Pages, language: str) -> None:
    """No axe violation and contrast of 7:1 on every page, narrow and wide, light and dark; targets of 44 px."""
    nonce = secrets.token_urlsafe(16)
    context = chromium.new_context()
    problems: list[tuple[object, ...]] = []
    for name, html in example_pages(pages, language, nonce).items():
        site = Portal(page=html, nonce=nonce, serving=now_serving(1301))
        page = site.open(context)
        page.evaluate(Axe().axe_script)
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found = page.evaluate(AXE_RUN)
                problems += [(name, width, scheme, one["id"], one["nodes"][0]["html"]) for one in found]
            problems += [(name, width, small) for small in page.evaluate(SMALL_TARGETS)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                problems.append((name, width, "scrolls sideways"))
        problems += [(name, complaint) for complaint in site.complaints]
        page.close()
    context.close()
    assert problems == []


def test_the_page_goes_in_when_its_number_is_called(context: BrowserContext, pages: Pages) -> None:
    """The page asks for its entry again once, as soon as the counter reaches the ticket."""
    context.clock.install()
    site = portal(pages, waiting_view(WaitingState.WAITING), serving=now_serving(1712))
    page = site.open(context)
    tick(page, 25)
    expect(page.locator("#now")).to_contain_text("Your turn is next.")
    assert site.entries() == 1
    site.serving = now_serving(1713)
    with page.expect_navigation():
        tick(page, 13)
    assert site.entries() == 2
    assert page.url == f"{SITE}/doctors?district=7"


def test_numbers_follow_the_counter_with_plural_forms(context: BrowserContext, pages: Pages) -> None:
    """People ahead are counted down in the plural form of the language, the wait and the bar with them."""
    context.clock.install()
    site = portal(pages, waiting_view(WaitingState.WAITING), "ru", serving=now_serving(1300))
    page = site.open(context)
    tick(page, 25)
    expect(page.locator("#now")).to_have_text("Впереди вас 412 человек. Обычно ждать 4–7 мин.")
    site.serving = now_serving(1691)
    tick(page, 13)
    expect(page.locator("#now")).to_contain_text("Впереди вас 21 человек.")
    assert page.locator("#bar").evaluate("bar => bar.value") == 530 - 21
    site.serving = now_serving(1690)
    tick(page, 13)
    expect(page.locator("#now")).to_contain_text("Впереди вас 21 человек.")
    site.serving = now_serving(1710)
    tick(page, 13)
    expect(page.locator("#now")).to_contain_text("Впереди вас 2 человека.")
    assert page.title() == page.locator("h1").inner_text() == "Скоро ваша очередь"
    assert site.complaints == []


def test_a_screen_reader_hears_at_most_one_sentence_a_minute(context: BrowserContext, pages: Pages) -> None:
    """While the number falls on every poll, the status is spoken once a minute and no more."""
    context.clock.install()
    site = portal(pages, waiting_view(WaitingState.WAITING), serving=now_serving(1300))
    page = site.open(context)
    page.evaluate("""() => { window.heard = [];
      new MutationObserver(() => heard.push(Date.now())).observe(
        document.getElementById('say'), {childList: true, characterData: true, subtree: true}); }""")
    tick(page, 25)
    for step in range(30):
        site.serving = now_serving(1301 + step * 3)
        tick(page, 13)
    heard = page.evaluate("window.heard")
    pauses = [later - earlier for earlier, later in pairwise(heard)]
    assert len(pauses) >= 4
    assert min(pauses) >= 60_000


def test_a_lost_connection_is_said_after_three_polls(context: BrowserContext, pages: Pages) -> None:
    """Two failed polls are nobody's business; the third says that the place is kept, and an answer takes it back."""
    context.clock.install()
    site = portal(pages, waiting_view(WaitingState.WAITING))
    page = site.open(context)
    notice = page.locator("#off")
    for wait, visible in ((25, False), (49, False), (97, True)):
        with page.expect_event("requestfailed"):
            page.clock.run_for(wait * 1000)
        expect(notice).to_be_visible(visible=visible)
    assert site.entries() == 1
    site.serving = now_serving(1302)
    tick(page, 145)
    expect(notice).to_be_hidden()


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (WaitingState.WAITING, {"state": "paused"}),
        (WaitingState.WAITING, {"state": "store_down"}),
        (WaitingState.PAUSED, {"state": "queueing"}),
        (WaitingState.STORE_DOWN, {"state": "queueing"}),
        (WaitingState.WAITING, {"state": "open"}),
    ],
)
def test_a_change_of_the_room_brings_a_new_page(
    context: BrowserContext, pages: Pages, state: WaitingState, changes: dict[str, str]
) -> None:
    """When the room's state is not the one this page tells of, the page asks for itself again, spread in time."""
    context.clock.install()
    site = portal(pages, waiting_view(state), serving=now_serving(1301, **changes))
    page = site.open(context)
    tick(page, 25)
    with page.expect_navigation():
        page.clock.run_for(13_000)
    assert site.entries() == 2


def test_without_scripts_the_page_is_whole(chromium: Browser, pages: Pages) -> None:
    """With scripts off there is the link to check now, the offer to reload by itself, and no reload unasked."""
    context = chromium.new_context(java_script_enabled=False)
    site = portal(pages, waiting_view(WaitingState.WAITING))
    page = site.open(context)
    expect(page.get_by_role("button", name="Let this page reload by itself")).to_be_visible()
    with page.expect_event("load"):
        page.get_by_role("link", name="Check now").click()
    assert page.url == f"{SITE}/doctors?district=7"
    assert site.entries() == 2
    page.get_by_role("button", name="Let this page reload by itself").click()
    page.wait_for_url("**/_talon/preferences?**")
    assert site.asked[-1] == "/_talon/preferences?back=%2Fdoctors%3Fdistrict%3D7&auto=on"
    context.close()


def test_without_scripts_the_page_reloads_by_itself_on_choice(chromium: Browser, pages: Pages) -> None:
    """Once chosen, a browser without scripts comes back by itself and is offered to stop."""
    context = chromium.new_context(java_script_enabled=False)
    site = portal(pages, replace(waiting_view(WaitingState.WAITING), auto=True, retry_after=1))
    page = site.open(context)
    expect(page.get_by_role("button", name="Stop reloading by itself")).to_be_visible()
    before = site.entries()
    with page.expect_event("load", timeout=5000):
        pass
    assert site.entries() > before
    context.close()


def test_a_page_asks_nobody_else(context: BrowserContext, pages: Pages) -> None:
    """Opening the page fetches the page and nothing more: no icon, no font, no other host."""
    site = portal(pages, waiting_view(WaitingState.WAITING), serving=now_serving(1301))
    page = site.open(context)
    page.wait_for_load_state("networkidle")
    assert site.asked == ["/doctors?district=7"]
    assert site.complaints == []

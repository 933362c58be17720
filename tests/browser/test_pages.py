"""The visitors' pages in a real Chromium, under their own Content-Security-Policy."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect

from gateway.web.pages.examples import example_pages, waiting_view
from gateway.web.pages.render import Pages
from gateway.web.pages.views import WaitingState
from tests.browser.site import SITE, Site, barriers, now_serving, site_of
from tests.conftest import require

pytestmark = pytest.mark.browser

COOKIES_REFUSED = {"profile": {"default_content_setting_values": {"cookies": 2}}}


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def without_cookies(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose settings refuse every cookie, as a person would set it."""
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(COOKIES_REFUSED))
    path = require("chromium", "chromium")
    context = playwright.chromium.launch_persistent_context(tmp_path, executable_path=path, args=["--no-sandbox"])
    yield context
    context.close()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_is_accessible(chromium: Browser, pages: Pages, language: str) -> None:
    """No axe violation and contrast of 7:1 on every page, narrow and wide, light and dark; targets of 44 px."""
    nonce = secrets.token_urlsafe(16)
    context = chromium.new_context()
    problems: list[tuple[object, ...]] = []
    for name, html in example_pages(pages, language, nonce).items():
        site = Site(page=html, nonce=nonce, serving=now_serving(1301))
        page = site.open(context)
        problems += [(name, *barrier) for barrier in barriers(page)]
        page.evaluate("for (const e of document.querySelectorAll('details')) e.open = !e.open")
        problems += [(name, "details", *barrier) for barrier in barriers(page)] if name == "waiting-waiting" else []
        problems += [(name, complaint) for complaint in site.complaints]
        page.close()
    context.close()
    assert problems == []


def test_without_scripts_the_page_is_whole(chromium: Browser, pages: Pages) -> None:
    """With scripts off there is the link to check now, the offer to reload by itself, and no reload unasked."""
    context = chromium.new_context(java_script_enabled=False)
    site = site_of(pages, waiting_view(WaitingState.WAITING))
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
    site = site_of(pages, replace(waiting_view(WaitingState.WAITING), auto=True, retry_after=1))
    page = site.open(context)
    expect(page.get_by_role("button", name="Stop reloading by itself")).to_be_visible()
    before = site.entries()
    with page.expect_event("load", timeout=5000):
        pass
    assert site.entries() > before
    context.close()


def test_without_scripts_cookies_and_codes_are_explained(chromium: Browser, pages: Pages) -> None:
    """A browser without scripts cannot find out that it refuses cookies, so the page says it to everybody."""
    context = chromium.new_context(java_script_enabled=False)
    page = site_of(pages, waiting_view(WaitingState.WAITING)).open(context)
    expect(page.locator("#ck")).to_contain_text("If your browser refuses cookies")
    expect(page.get_by_text("Write down the place code")).to_be_visible()
    context.close()


def test_with_cookies_nobody_reads_of_cookies(context: BrowserContext, pages: Pages) -> None:
    """Where the browser keeps cookies, the page does not trouble its visitor with them."""
    page = site_of(pages, waiting_view(WaitingState.WAITING)).open(context)
    expect(page.locator("#ck")).to_be_hidden()


def test_refused_cookies_are_explained(without_cookies: BrowserContext, pages: Pages) -> None:
    """A browser that refuses cookies shows why the place is not kept and how to go on: the code, in another one."""
    site = site_of(pages, waiting_view(WaitingState.WAITING))
    page = site.open(without_cookies)
    expect(page.locator("#ck")).to_contain_text("allow them here or enter the place code in another browser")
    expect(page.get_by_text("K7QF-20M4", exact=True).first).to_be_visible()
    assert site.complaints == []


def test_refused_cookies_that_the_server_saw_are_said_at_the_top(context: BrowserContext, pages: Pages) -> None:
    """When the cookie that was just set does not come back, the explanation is the first thing on the page."""
    page = site_of(pages, replace(waiting_view(WaitingState.WAITING), cookies_off=True)).open(context)
    expect(page.locator("h1 + .note")).to_contain_text("If your browser refuses cookies")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_place_code_is_entered_by_keyboard(chromium: Browser, pages: Pages, scripts: bool) -> None:
    """The code from another device is posted with the room, from the disclosure, with and without scripts."""
    context = chromium.new_context(java_script_enabled=scripts)
    page = site_of(pages, waiting_view(WaitingState.WAITING)).open(context)
    page.get_by_text("I have a place code").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Place code").fill("k7qf 20m4")
    with page.expect_request("**/_talon/places") as posted, page.expect_navigation():
        page.keyboard.press("Enter")
    assert (posted.value.method, posted.value.post_data) == ("POST", "room=booking&code=k7qf+20m4")
    context.close()


def test_who_holds_no_place_sees_the_form_at_once(context: BrowserContext, pages: Pages) -> None:
    """On a full queue the form for a place code is open: whoever has one there has a place elsewhere."""
    page = site_of(pages, waiting_view(WaitingState.FULL)).open(context)
    expect(page.get_by_label("Place code")).to_be_visible()
    expect(page.get_by_text("Keep your place")).to_have_count(0)


def test_a_page_asks_nobody_else(context: BrowserContext, pages: Pages) -> None:
    """Opening the page fetches the page and nothing more: no icon, no font, no other host."""
    site = site_of(pages, waiting_view(WaitingState.WAITING), serving=now_serving(1301))
    page = site.open(context)
    page.wait_for_load_state("networkidle")
    assert site.asked == ["/doctors?district=7"]
    assert site.complaints == []

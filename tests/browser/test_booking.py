"""A person books in a real Chromium while others wait, with and without JavaScript."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.integration.portal import Gateway, Portal, opened_portal
from tests.integration.processes import wait_for

pytestmark = pytest.mark.browser

AHEAD = 4
PATIENCE = 20_000.0
"""Milliseconds until a page must have changed."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    with opened_portal() as opened:
        opened.start_backend("--workers", 1, "--service-time", "50ms")
        yield opened


@pytest.fixture
def gateway(portal: Portal) -> Gateway:
    """A gateway with people waiting and nobody called yet."""
    started = portal.start_gateway()
    started.control("pause")
    started.crowd(AHEAD)
    return started


def visit(chromium: Browser, *, scripts: bool) -> Iterator[BrowserContext]:
    """A fresh browser profile that notes what scripts complain about."""
    with chromium.new_context(java_script_enabled=scripts, locale="en-GB") as context:
        yield context


@pytest.fixture
def without_scripts(chromium: Browser) -> Iterator[BrowserContext]:
    yield from visit(chromium, scripts=False)


@pytest.fixture
def with_scripts(chromium: Browser) -> Iterator[BrowserContext]:
    yield from visit(chromium, scripts=True)


def heading(page: Page, text: str) -> None:
    """Wait until the page's heading is `text`."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=PATIENCE)


def join(context: BrowserContext, gateway: Gateway) -> Page:
    """Open the portal and find the waiting page with the number behind those who came first."""
    page = context.new_page()
    answer = page.goto(f"http://{gateway.visitors}/doctors")
    assert answer is not None
    assert answer.status == 202
    expect(page.locator("dd").first).to_have_text(str(AHEAD + 1))
    return page


def book(page: Page, portal: Portal) -> None:
    """From the list of doctors to the booked appointment, by the backend's links and forms."""
    page.get_by_role("link", name="Doctor 3", exact=True).click()
    heading(page, "Free times of doctor 3")
    page.get_by_role("radio").nth(2).check()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Hold this time").click()
    heading(page, "Time held for you")
    page.get_by_role("button", name="Confirm the appointment").click()
    heading(page, "Appointment booked")
    expect(page.locator("#reference")).not_to_be_empty()
    assert portal.stats()["confirmed"] == 1
    assert "talon_pass" not in {cookie["name"] for cookie in page.context.cookies()}, "the visit is over"


def test_a_browser_without_javascript_books(portal: Portal, gateway: Gateway, without_scripts: BrowserContext) -> None:
    """Scripts off: checking now keeps the place, reloading by itself is a button, and the turn leads to the forms."""
    page = join(without_scripts, gateway)
    page.locator("a.go").click()
    expect(page.locator("dd").first).to_have_text(str(AHEAD + 1))
    page.get_by_role("button", name="Let this page reload by itself").click()
    expect(page.get_by_role("button", name="Stop reloading by itself")).to_be_visible()
    gateway.control("rate", 3.0)
    heading(page, "Choose a doctor")
    book(page, portal)


def test_a_browser_without_javascript_books_by_its_own_clicks(
    portal: Portal, gateway: Gateway, without_scripts: BrowserContext
) -> None:
    """Scripts off and no reloading: whoever checks after the turn has come is in."""
    page = join(without_scripts, gateway)
    gateway.control("rate", 20.0)
    wait_for(lambda: gateway.room()["serving"]["regular"] > AHEAD, 10.0, "the number is called")
    page.locator("a.go").click()
    heading(page, "Choose a doctor")
    book(page, portal)


def test_a_browser_with_javascript_goes_in_by_itself(
    portal: Portal, gateway: Gateway, with_scripts: BrowserContext
) -> None:
    """Scripts on: the page watches the queue and goes in when the number is called; nobody has to click."""
    complaints: list[str] = []
    with_scripts.on("weberror", lambda error: complaints.append(str(error.error)))
    page = join(with_scripts, gateway)
    gateway.control("rate", 3.0)
    heading(page, "Choose a doctor")
    book(page, portal)
    assert complaints == []

"""The page before the queue in a real Chromium: it goes on by itself, does its work, and explains cookies."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.portal import Gateway, Portal, opened_portal

pytestmark = pytest.mark.browser

TARGET = "/doctors?district=7&day=1"
PATIENCE = 15_000.0
"""Milliseconds until a page must have changed: less than a browser that does no work has to wait."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    with opened_portal() as opened:
        opened.start_backend("--workers", 1, "--service-time", "50ms")
        yield opened


def paused(portal: Portal, **joins: Any) -> Gateway:
    """A gateway whose room lets nobody in and gives places on the second contact."""
    rules = {"paths": ["/doctors", "/bookings"], "longest_poll": "3s", "joins": {"second_contact": True, **joins}}
    gateway = portal.start_gateway(portal.config(rooms={"booking": rules}))
    gateway.control("pause")
    return gateway


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("scripts", "bits"), [(True, 0), (True, 14), (False, 0)], ids=["scripts", "scripts with work", "no scripts"]
)
def test_a_browser_comes_to_its_place_by_itself(portal: Portal, chromium: Browser, scripts: bool, bits: int) -> None:
    """Nobody has to click: after a moment the page goes on to the address that was asked for, with a place."""
    gateway = paused(portal, proof_of_work=bits)
    with chromium.new_context(java_script_enabled=scripts, locale="en-GB") as context:
        complaints: list[str] = []
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"http://{gateway.visitors}{TARGET}")
        heading(page, "Booking is stopped for now, your place is kept")
        assert page.url.endswith(TARGET)
        expect(page.locator("dd").first).to_have_text("1")
        names = {cookie["name"] for cookie in context.cookies()}
        assert ("talon_proof" in names) is bool(bits)
        assert complaints == []
    assert gateway.room()["issued"] == {"regular": 1}


def test_a_browser_without_scripts_is_told_how_long_the_work_takes_instead(portal: Portal, chromium: Browser) -> None:
    """Where work is asked for, the page says that without scripts it takes longer; checking earlier loses nothing."""
    gateway = paused(portal, proof_of_work=14)
    with chromium.new_context(java_script_enabled=False, locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"http://{gateway.visitors}{TARGET}")
        heading(page, "You are about to join the queue")
        said = page.locator("noscript p")
        expect(said).to_be_visible()
        assert (said.text_content() or "").endswith("so it takes 21 seconds.")
        (slip,) = [cookie["value"] for cookie in context.cookies() if cookie["name"] == "talon_ticket"]
        page.get_by_role("link", name="Go on").click()
        heading(page, "You are about to join the queue")
        assert slip in {cookie["value"] for cookie in context.cookies()}


def test_cookies_that_are_off_are_explained(portal: Portal, chromium: Browser) -> None:
    """Whose cookies do not come back is told so in words, and finds the way on from there."""
    gateway = paused(portal)
    with chromium.new_context(java_script_enabled=False, locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"http://{gateway.visitors}{TARGET}")
        heading(page, "You are about to join the queue")
        context.clear_cookies()
        page.get_by_role("link", name="Go on").click()
        heading(page, "Your browser keeps no cookies of this site")
        page.get_by_role("link", name="Go on").click()
        heading(page, "You are about to join the queue")
        assert page.url.endswith(TARGET)

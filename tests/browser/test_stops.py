"""A person's waiting page follows a real gateway through the stops of its room, and asks nobody else."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.integration.portal import Gateway, Portal, opened_portal
from tests.integration.visitor import ask

pytestmark = pytest.mark.browser

PATIENCE = 20_000.0


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with opened_portal() as opened:
        yield opened


@pytest.fixture(scope="module")
def gateway(portal: Portal) -> Gateway:
    return portal.start_paused()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context(locale="en-GB") as context:
        yield context


def set_room(gateway: Gateway, action: str, **members: object) -> None:
    body = {"action": action, "author": "Ann", "reason": "test", "ttl": "10m", **members}
    assert ask(gateway.admin, "/api/rooms/booking", "POST", body).status == 200


def shows(page: Page, title: str) -> None:
    """Wait until headline and title are `title`."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title, timeout=PATIENCE)
    assert page.title() == title


def test_the_page_follows_the_room_by_its_own_polls(gateway: Gateway, context: BrowserContext) -> None:
    """Paused, closed, out of slots, open again: the page says each without a click, keeps the number, and goes in."""
    gateway.control("pause")
    asked: list[Request] = []
    context.on("request", lambda request: asked.append(request))
    page = context.new_page()
    page.goto(f"http://{gateway.visitors}/doctors")
    shows(page, "Booking is stopped for now, your place is kept")
    expect(page.locator("#now")).to_contain_text("even if you close this page")
    number = page.locator("dd").first.inner_text()
    set_room(gateway, "close", until="23:59")
    shows(page, "Booking is closed until 23:59 UTC")
    set_room(gateway, "exhausted", until="23:58")
    shows(page, "There are no free appointments left")
    expect(page.locator("#now")).to_have_text("New ones appear at 23:58 UTC.")
    assert page.locator("dd").first.inner_text() == number
    set_room(gateway, "rate", rate=20)
    shows(page, "Choose a doctor")
    polls = [request for request in asked if request.url.endswith("/_talon/rooms/booking")]
    assert len(polls) >= 3
    assert {request.url.split("/")[2] for request in asked} == {gateway.visitors}


def test_without_scripts_the_states_are_there_as_well(gateway: Gateway, chromium: Browser) -> None:
    """Whoever checks by hand reads the same states, and keeps the place through them."""
    gateway.control("pause")
    with chromium.new_context(locale="ru-RU", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"http://{gateway.visitors}/doctors")
        shows(page, "Запись временно остановлена, ваше место сохранено")
        number = page.locator("dd").first.inner_text()
        for action, title in (("close", "Запись сейчас закрыта"), ("exhausted", "Свободных мест больше нет")):
            set_room(gateway, action)
            # The page is asked for until the gateway has read the change.
            for _ in range(50):
                page.get_by_role("link", name="Проверить сейчас").click()
                if page.title() == title:
                    break
            shows(page, title)
            assert page.locator("dd").first.inner_text() == number
